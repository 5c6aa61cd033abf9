import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.authorities.authority import Authority
from gateway.config.settings import Settings
from gateway.model.answers import Found, Reason, Rejected, Resolution, Tier
from gateway.model.credential import Credential
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationKind, RevocationTarget, Session
from gateway.wiring import sessions as room
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring, open_authorities
from tests.support.builders.requests import access_request
from tests.support.gateways.serving import LOGIN_TOKEN, PROJECT_KEY, READERS, USER_ID, Examples

KEY_ID = "550e8400-e29b-41d4-a716-446655440003"


def settings(accounts: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate(
        {"secret": "s", "authorities": {"accounts": accounts}, "credentials": READERS, **more}
    )


class Opened:
    """The sessions' wiring, and how often it called `on_revocation`."""

    def __init__(self, read: Settings, process: Process, authorities: dict[str, Authority]) -> None:
        self.revocations = 0
        self.sessions = SessionsWiring(read, process, authorities, self._on_revocation)

    def _on_revocation(self) -> None:
        self.revocations += 1

    async def resolve(self, reader: str, *fields: tuple[bytes, bytes]) -> Resolution:
        credential = self.sessions.readers[reader].read(access_request(headers=fields))
        return await self.sessions.resolver.resolve(credential)  # type: ignore[arg-type]


@asynccontextmanager
async def opening(accounts: dict[str, Any], process: Process) -> AsyncIterator[Opened]:
    """Open a directory, and the wiring over it."""
    read = settings(accounts)
    async with AsyncExitStack() as stack:
        made = Opened(read, process, await open_authorities(read, process, stack))
        stack.push_async_callback(made.sessions.close)
        yield made


@pytest.fixture
async def opened(examples: Examples, process: Process, tmp_path: Path) -> AsyncIterator[Opened]:
    async with opening(examples.settings(tmp_path), process) as made:
        yield made


async def test_a_credential_is_read_asked_about_once_and_remembered(opened: Opened) -> None:
    first = await opened.resolve("project_key", (b"X-Api-Key", PROJECT_KEY.encode()))
    again = await opened.resolve("project_key", (b"X-Api-Key", PROJECT_KEY.encode()))
    assert first.session is not None
    assert (first.tier, first.authority, again.tier) == (Tier.AUTHORITY, "accounts", Tier.MEMORY)


async def test_one_kind_of_key_is_no_other(opened: Opened) -> None:
    assert (await opened.resolve("user_key", (b"X-User-Api-Key", PROJECT_KEY.encode()))).answer == Rejected(
        Reason.UNKNOWN
    )


async def test_a_revocation_is_refused_at_once_and_passed_on(opened: Opened) -> None:
    await opened.resolve("project_key", (b"X-Api-Key", PROJECT_KEY.encode()))
    assert await opened.sessions.revoker.revoke(RevocationTarget(RevocationKind.API_KEY, KEY_ID))
    assert (await opened.resolve("project_key", (b"X-Api-Key", PROJECT_KEY.encode()))).answer == Rejected(
        Reason.REVOKED
    )
    assert opened.revocations == 1


async def test_another_session_of_the_user_is_asked_of_the_authority_that_knew_the_credential(opened: Opened) -> None:
    fields = ((b"X-User-Id", USER_ID.encode()), (b"X-Auth-Token", LOGIN_TOKEN.encode()))
    credential: Any = opened.sessions.readers["pair"].read(access_request(headers=fields))
    found = await opened.sessions.session_of(credential, "QoYYFw2t9oKks2niG", "accounts")
    assert isinstance(found, Found)
    assert found.session.id == "QoYYFw2t9oKks2niG"
    assert await opened.sessions.session_of(credential, "QoYYFw2t9oKks2niG", "chat") == Rejected(Reason.GONE)


async def test_an_authority_that_cannot_be_opened_leaves_none_open(
    examples: Examples, process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    build = room.build_authority

    async def recording(name: str, *rest: Any) -> Authority:
        authority = await build(name, *rest)
        close = authority.close

        async def close_and_record() -> None:
            closed.append(name)
            await close()

        authority.close = close_and_record  # type: ignore[method-assign]
        return authority

    monkeypatch.setattr(room, "build_authority", recording)
    accounts = examples.settings(tmp_path)
    other = {**accounts, "url": f"sqlite:///{tmp_path}/absent.db"}
    read = Settings.model_validate({"secret": "s", "authorities": {"accounts": accounts, "other": other}})
    with pytest.raises(GatewayError):
        async with AsyncExitStack() as stack:
            await open_authorities(read, process, stack)
    assert closed == ["accounts"]


async def test_certificates_that_are_gone_since_the_check_are_named(process: Process, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authorities))
    chat = {"kind": "remote", "dialect": "rocketchat", "url": "https://chat.test/", "ca_file": str(authorities)}
    read = Settings.model_validate({"secret": "s", "authorities": {"chat": chat}})
    authorities.unlink()
    with pytest.raises(GatewayError, match=r"authorities\.chat: .*ca\.pem cannot be used: No such file"):
        await open_authorities(read, process, AsyncExitStack())


class Slow:
    """An authority that knows every session and answers once it may."""

    name = "accounts"
    verdict_digest = b"slow"
    memory_only = False

    def __init__(self) -> None:
        self.calls = 0
        self.may_answer = asyncio.Event()

    async def look_up(self, _: Credential) -> Found:
        return Found(Session(subject="u", id="s"))

    async def session_of(self, _: Credential, session_id: str) -> Found:
        self.calls += 1
        await self.may_answer.wait()
        return Found(Session(subject="u", id=session_id))

    async def close(self) -> None:
        pass


async def test_callers_that_hang_up_do_not_make_an_authority_look_dead(
    examples: Examples, process: Process, tmp_path: Path
) -> None:
    slow = Slow()
    opened = Opened(settings(examples.settings(tmp_path)), process, {"accounts": slow})
    pair = ((b"X-User-Id", USER_ID.encode()), (b"X-Auth-Token", LOGIN_TOKEN.encode()))
    credential = opened.sessions.readers["pair"].read(access_request(headers=pair))
    assert isinstance(credential, Credential)
    asking = [
        asyncio.ensure_future(opened.sessions.session_of(credential, f"s{number}", "accounts"))  # noqa: TID251
        for number in range(10)
    ]
    while slow.calls < 5:  # noqa: ASYNC110 - as many as have a place at once
        await asyncio.sleep(0)
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    slow.may_answer.set()
    assert await opened.sessions.session_of(credential, "mine", "accounts") == Found(Session(subject="u", id="mine"))
    await opened.sessions.close()
