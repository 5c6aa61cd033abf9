"""Products whose dialects we have, in person: a live Better Auth that we ask, and Kratos' own client that asks us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.support.builders.product_examples import KRATOS, KRATOS_JSON
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import COOKIE_SESSION, Examples, Gateway, config, serving
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

HERE = Path(__file__).parent / "npm"
GET_SESSION = "/api/auth/get-session"
ADA = {"email": "ada@example.com", "password": "correct horse battery", "name": "Ada Lovelace"}


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None or not (HERE / "node_modules/better-auth").exists():
        pytest.fail("no products: run tests/e2e/run, which gets Node.js and what npm has", pytrace=False)
    return found


@pytest.fixture(scope="module")
def better_auth(node: str) -> Iterator[str]:
    """The URL of a running Better Auth."""
    command = [node, HERE / "better_auth.mjs"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = (line.strip() for line in process.stdout)
        yield next(line for line in lines if line.startswith("http://"))
        process.communicate()


class SignedIn:
    """Somebody who has signed up, with the cookie and the bearer token of the session."""

    def __init__(self, url: str, user: dict[str, Any], cookie: str, token: str) -> None:
        self.url = url
        self.user = user
        self.cookie = cookie
        self.token = token

    async def sign_out(self) -> None:
        headers = {"Cookie": self.cookie, "Origin": self.url}
        async with aiohttp.ClientSession() as client:
            answer = await client.post(f"{self.url}/api/auth/sign-out", json={}, headers=headers)
            assert answer.status == 200, await answer.text()


async def sign_up(url: str, email: str) -> SignedIn:
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        headers = {"Origin": url}
        answer = await client.post(f"{url}/api/auth/sign-up/email", json=ADA | {"email": email}, headers=headers)
        assert answer.status == 200, await answer.text()
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return SignedIn(url, (await answer.json())["user"], cookie, answer.headers["Set-Auth-Token"])


@contextlib.asynccontextmanager
async def in_front_of(better_auth: str, folder: Path) -> AsyncIterator[tuple[Gateway, RecordingUpstream]]:
    """Run a gateway that asks Better Auth whose a cookie or a token is, and answers in its words."""
    readers = {
        "cookie": {"kind": "cookie", "name": "better-auth.session_token", "authority": "app"},
        "token": {"kind": "bearer", "authority": "app"},
    }
    served = [{"dialect": "better_auth", "credentials": ["cookie", "token"]}]
    remote = {"kind": "remote", "dialect": "better_auth", "url": f"{better_auth}{GET_SESSION}", "timeout": "10s"}
    async with recording_upstream() as upstream:
        whole = config(upstream.port, {}, credentials=readers, session_info=served, authorities={"app": remote})
        whole["routes"] = whole["routes"][:1]
        async with serving(whole, folder) as running:
            yield running, upstream


async def ask(gateway: Gateway, path: str, *lines: str) -> RawResponse:
    head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: app.test", "Connection: close", *lines, "", ""])
    return await exchange(gateway.port, head.encode())


async def test_better_auth_s_cookie_and_token_are_its_user_s(better_auth: str, tmp_path: Path) -> None:
    ada = await sign_up(better_auth, "ada@example.com")
    forged = f"{ada.cookie[:-8]}AAAAAAAA"
    async with in_front_of(better_auth, tmp_path) as (gateway, upstream):
        statuses = [
            (await ask(gateway, "/echo/a", line)).status
            for line in (
                f"Cookie: theme=dark; {ada.cookie}",
                f"Authorization: Bearer {ada.token}",
                f"Cookie: {forged}",
                "Authorization: Bearer no.such",
                "Accept: */*",
            )
        ]
    assert statuses == [200, 200, 401, 401, 401]
    for request in upstream.requests:
        fields = dict(request.headers)
        assert fields[b"X-User-Id"].decode() == ada.user["id"]
        assert fields[b"X-User-Email"] == b"ada@example.com"
        assert b"Authorization" not in fields
        assert ada.cookie.encode() not in fields.get(b"Cookie", b"")


async def test_we_answer_as_better_auth_does_but_for_what_opens_the_session(better_auth: str, tmp_path: Path) -> None:
    bob = await sign_up(better_auth, "bob@example.com")
    async with in_front_of(better_auth, tmp_path) as (gateway, _), aiohttp.ClientSession() as client:
        ours = (await ask(gateway, GET_SESSION, f"Cookie: {bob.cookie}")).json()
        nobody = await ask(gateway, GET_SESSION)
        theirs = await (await client.get(f"{better_auth}{GET_SESSION}", headers={"Cookie": bob.cookie})).json()
        their_nobody = await (await client.get(f"{better_auth}{GET_SESSION}")).text()
    assert (nobody.status, nobody.body.decode()) == (200, their_nobody)
    assert ours["user"] == theirs["user"]
    hidden = {"token", "ipAddress", "userAgent"}
    assert {key: value for key, value in ours["session"].items() if key not in hidden} == {
        key: value for key, value in theirs["session"].items() if key not in hidden
    }
    assert theirs["session"]["token"] not in json.dumps(ours)


async def test_whoever_signs_out_at_better_auth_is_nobody(better_auth: str, tmp_path: Path) -> None:
    eve = await sign_up(better_auth, "eve@example.com")
    await eve.sign_out()
    async with in_front_of(better_auth, tmp_path) as (gateway, _):
        answer = await ask(gateway, "/echo/a", f"Cookie: {eve.cookie}")
    assert answer.status == 401


async def asked_by_kratos_client(node: str, gateway: Gateway, *asks: dict[str, str]) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{gateway.port}"
    process = await asyncio.create_subprocess_exec(
        node, str(HERE / "kratos_client.mjs"), url, json.dumps(asks), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return [json.loads(line) for line in output.splitlines()]


async def test_kratos_client_gets_our_own_session_and_its_own_errors(
    node: str, examples: Examples, tmp_path: Path
) -> None:
    served = [{"dialect": "kratos", "credentials": ["cookie"]}]
    whole = config(1, examples.settings(tmp_path), session_info=served)
    async with serving(whole, tmp_path) as gateway:
        good, bad, none = await asked_by_kratos_client(
            node, gateway, {"cookie": f"__session={gateway.cookie}"}, {"cookie": "__session=wrong"}, {}
        )
    assert (good["status"], good["data"]["id"], good["data"]["active"]) == (200, COOKIE_SESSION, True)
    assert good["data"]["identity"]["traits"]["email"]
    for refused in (bad, none):
        assert (refused["status"], refused["thrown"]) == (401, "AxiosError")
        assert refused["data"]["error"]["id"] == "session_inactive"


async def test_kratos_client_asks_a_kratos_through_us(node: str, tmp_path: Path) -> None:
    """What stands for Kratos answers as its source does: by cookie, by token, and for a missing second factor."""
    asked = []

    async def kratos(request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("X-Session-Token") or request.headers.get("Cookie", "").partition("=")[2]
        asked.append(token)
        if token == "one-factor":
            error = {"id": "session_aal2_required", "code": 403, "status": "Forbidden", "message": "no"}
            return web.json_response({"error": error, "redirect_browser_to": "https://id.test/"}, status=403)
        if token != "good":
            return web.json_response({"error": {"code": 401, "status": "Unauthorized", "message": "no"}}, status=401)
        return web.json_response({**KRATOS_JSON, "expires_at": "2099-12-20T14:30:00Z"})

    readers = {
        "cookie": {"kind": "cookie", "name": "ory_kratos_session", "authority": "login"},
        "token": {"kind": "api_key", "header": "x-session-token", "type": "user", "authority": "login"},
    }
    served = [{"dialect": "kratos", "credentials": ["cookie", "token"]}]
    async with listening(kratos) as port:
        remote = {"kind": "remote", "dialect": "kratos", "url": f"http://127.0.0.1:{port}/sessions/whoami"}
        whole = config(1, {}, credentials=readers, session_info=served, authorities={"login": remote})
        whole["routes"] = []
        async with serving(whole, tmp_path) as gateway:
            answers = await asked_by_kratos_client(
                node,
                gateway,
                {"xSessionToken": "good"},
                {"cookie": "ory_kratos_session=good"},
                {"xSessionToken": "good"},
                {"xSessionToken": "one-factor"},
                {"xSessionToken": "unheard-of"},
            )
    assert [answer["status"] for answer in answers] == [200, 200, 200, 403, 401]
    assert answers[0]["data"]["identity"]["id"] == KRATOS.subject
    assert answers[0]["data"]["authenticator_assurance_level"] == "aal2"
    assert answers[3]["data"]["error"]["id"] == "session_aal2_required"
    assert asked == ["good", "good", "one-factor", "unheard-of"]  # a session that is known is not asked about again
