"""Tokens of a real issuer (npm's oidc-provider): signed ones by its keys, opaque ones by introspection."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt as pyjwt
import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import Gateway, config, serving
from tests.support.servers.recording_upstream import recording_upstream

HERE = Path(__file__).parent / "npm"
SECRET = "a secret: with +%& characters"
# Form-encoded before it is encoded, as RFC 6749 section 2.3.1 asks of both sides.
CLIENT = {"Authorization": aiohttp.encode_basic_auth("robot", "a+secret%3A+with+%2B%25%26+characters")}


class Issuer:
    """A running issuer; it can take a new signing key, and goes on publishing the old ones."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._said()

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write("rotate\n")
        self._process.stdin.flush()
        assert self._said() == "rotated"

    def _said(self) -> str:
        assert self._process.stdout is not None
        said = (line.strip() for line in self._process.stdout)
        return next(line for line in said if line == "rotated" or line.startswith("http://"))


@pytest.fixture(scope="session")
def running_issuer() -> Iterator[Issuer]:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").exists():
        pytest.fail("no issuer: run tests/e2e/run, which gets Node.js and what npm has", pytrace=False)
    command = [node, HERE / "issuer.mjs"]
    # By its pipes and not by signals: what PyPI calls `node` starts the real one, and passes no signal on.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Issuer(process)
        process.communicate()


@pytest.fixture
def issuer(running_issuer: Issuer) -> str:
    """The URL of a running issuer."""
    return running_issuer.url


async def post(url: str, **form: str) -> Any:
    async with aiohttp.ClientSession() as client, client.post(url, data=form, headers=CLIENT) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json(content_type=None)


async def token(issuer: str, **more: str) -> str:
    answer = await post(f"{issuer}/token", grant_type="client_credentials", scope="read", **more)
    return str(answer["access_token"])


def kid(shown: str) -> str:
    return str(pyjwt.get_unverified_header(shown)["kid"])


@contextlib.asynccontextmanager
async def gateway(issuer: str, folder: Path, **opaque: Any) -> AsyncIterator[Gateway]:
    """Run a gateway that knows the issuer both ways: signed tokens first, whatever is left by introspection."""
    authorities = {
        "signed": {
            "kind": "jwt",
            "issuer": issuer,
            "audience": "urn:orders",
            "jwks_url": f"{issuer}/jwks",
            "algorithms": ["ES256"],
            "jwks_cooldown": "1ms",
            "timeout": "10s",
        },
        "opaque": {
            "kind": "introspection",
            "url": f"{issuer}/token/introspection",
            "client_id": "gateway",
            "client_secret": SECRET,
            "timeout": "10s",
            **opaque,
        },
    }
    async with recording_upstream() as upstream:
        whole = config(upstream.port, {}, credentials={"token": {"kind": "bearer", "authority": ["signed", "opaque"]}})
        whole["authorities"] = authorities
        async with serving(whole, folder) as running:
            yield running


async def who(gateway: Gateway, shown: str) -> RawResponse:
    head = f"GET /_gateway/session HTTP/1.1\r\nHost: g\r\nConnection: close\r\nAuthorization: Bearer {shown}\r\n\r\n"
    return await exchange(gateway.port, head.encode())


async def test_a_signed_token_is_verified_with_the_issuer_s_keys(issuer: str, tmp_path: Path) -> None:
    shown = await token(issuer, resource="urn:orders")
    async with gateway(issuer, tmp_path) as running:
        answer = await who(running, shown)
        forged = await who(running, shown[:-6] + "AAAAAA")
    session = answer.json()["session"]
    assert (answer.status, session["subject"], session["scopes"]) == (200, "robot", ["read"])
    assert answer.json()["expires_at"]
    assert forged.status == 401


async def test_a_signed_token_for_somebody_else_is_refused(issuer: str, tmp_path: Path) -> None:
    shown = await token(issuer, resource="urn:billing")
    async with gateway(issuer, tmp_path) as running:
        assert (await who(running, shown)).status == 401


async def test_a_new_key_of_the_issuer_s_is_found_and_the_old_one_serves_on(
    running_issuer: Issuer, tmp_path: Path
) -> None:
    before = await token(running_issuer.url, resource="urn:orders")
    async with gateway(running_issuer.url, tmp_path) as running:
        assert (await who(running, before)).status == 200
        await asyncio.to_thread(running_issuer.rotate)
        after = await token(running_issuer.url, resource="urn:orders")
        assert kid(after) != kid(before)
        assert (await who(running, after)).status == 200
        another = await token(running_issuer.url, resource="urn:orders")
        assert (await who(running, another)).status == 200
    async with gateway(running_issuer.url, tmp_path) as running:
        assert (await who(running, before)).status == 200


async def test_an_opaque_token_is_introspected(issuer: str, tmp_path: Path) -> None:
    shown = await token(issuer)
    async with gateway(issuer, tmp_path, clients=["robot"]) as running:
        answer = await who(running, shown)
        unknown = await who(running, "unheard-of")
    session = answer.json()["session"]
    assert (answer.status, session["subject"], session["scopes"]) == (200, "robot", ["read"])
    assert unknown.status == 401


async def test_a_revoked_token_and_another_client_s_are_refused(issuer: str, tmp_path: Path) -> None:
    shown, revoked = await token(issuer), await token(issuer)
    await post(f"{issuer}/token/revocation", token=revoked)
    async with gateway(issuer, tmp_path) as running:
        assert (await who(running, revoked)).status == 401
        assert (await who(running, shown)).status == 200
    async with gateway(issuer, tmp_path, clients=["another"]) as running:
        assert (await who(running, shown)).status == 401


async def test_our_own_wrong_secret_is_our_fault_and_not_the_caller_s(issuer: str, tmp_path: Path) -> None:
    shown = await token(issuer)
    async with gateway(issuer, tmp_path, client_secret="wrong") as running:
        assert (await who(running, shown)).status == 503
