import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.config.settings import Settings
from gateway.model.answers import NOBODY, Resolution, Sessions
from gateway.model.credential import Credential
from gateway.model.errors import GatewayError
from gateway.policy.limits import LocalLimits
from gateway.wiring import generation as room
from gateway.wiring.generation import RecheckSignal, open_generation
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring
from tests.support.builders.requests import access_request
from tests.support.gateways.serving import Examples, config


def settings(examples: Examples, folder: Path, **sections: Any) -> Settings:
    return Settings.model_validate(config(9, examples.settings(folder), **sections))


async def nobody(_: Credential) -> Resolution:
    return NOBODY


async def test_a_generation_has_the_config_s_routes_readers_and_fields(
    examples: Examples, process: Process, tmp_path: Path
) -> None:
    made = await open_generation(settings(examples, tmp_path), process)
    assert set(made.sessions.readers) == {"project_key", "user_key", "org_key", "token", "cookie", "pair"}
    fields = ((b"X-User-Id", b"forged"), (b"X-Api-Key", b"secret"), (b"Accept", b"*/*"))
    access = access_request(target="/public/", headers=fields)
    decision = await made.gate(Sessions(nobody), LocalLimits(process.now)).decide(access)
    assert decision.allowed
    assert decision.route is not None
    assert made.request_heads.passing(decision.route, decision.route.upstream[0], access) == ((b"Accept", b"*/*"),)
    await made.close()


async def test_unusable_signing_keys_are_refused_before_anything_is_opened(
    examples: Examples, process: Process, tmp_path: Path
) -> None:
    (tmp_path / "no-keys.pem").write_bytes(b"nothing of use")
    token = {"issuer": "gateway", "keys_file": str(tmp_path / "no-keys.pem")}
    with pytest.raises(GatewayError, match=r"no-keys\.pem"):
        await open_generation(settings(examples, tmp_path, identity={"token": token}), process)


async def test_a_generation_that_cannot_be_built_leaves_nothing_open(
    examples: Examples, process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SessionsWiring] = []

    def recorded(*arguments: Any) -> SessionsWiring:
        opened.append(SessionsWiring(*arguments))
        return opened[0]

    def broken(*_: object) -> None:
        raise GatewayError("an endpoint that cannot be made")

    monkeypatch.setattr(room, "SessionsWiring", recorded)
    monkeypatch.setattr(room, "own_endpoints", broken)
    with pytest.raises(GatewayError, match="an endpoint"):
        await open_generation(settings(examples, tmp_path), process)
    with pytest.raises(RuntimeError, match="closed"):
        opened[0].tasks.start(asyncio.sleep(0), "anything")


async def test_a_recheck_of_new_streams_is_none_of_all() -> None:
    recheck = RecheckSignal()
    recheck.due.set()
    assert not await recheck.next()
    recheck.revoked()
    recheck.due.set()
    assert await recheck.next()
    assert not recheck.due.is_set()
