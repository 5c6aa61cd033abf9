"""Tokens of a real issuer (npm's oidc-provider): signed ones by its keys, opaque ones by introspection."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.raw_http import RawResponse, exchange
from tests.support.recording_upstream import recording_upstream
from tests.support.serving import Gateway, config, serving

HERE = Path(__file__).parent / "issuer"
SECRET = "a secret: with +%& characters"
# Form-encoded before it is encoded, as RFC 6749 section 2.3.1 asks of both sides.
CLIENT = {"Authorization": aiohttp.encode_basic_auth("robot", "a+secret%3A+with+%2B%25%26+characters")}


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running issuer."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("e2e needs Node.js with npm (Debian: apt-get install nodejs npm)", pytrace=False)
    folder = shutil.copytree(HERE, tmp_path_factory.mktemp("issuer") / "app")
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    with subprocess.Popen([node, folder / "issuer.mjs"], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(line.strip() for line in process.stdout if line.startswith("http://"))
        finally:
            process.terminate()


async def post(url: str, **form: str) -> Any:
    async with aiohttp.ClientSession() as client, client.post(url, data=form, headers=CLIENT) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json(content_type=None)


async def token(issuer: str, **more: str) -> str:
    answer = await post(f"{issuer}/token", grant_type="client_credentials", scope="read", **more)
    return str(answer["access_token"])


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
