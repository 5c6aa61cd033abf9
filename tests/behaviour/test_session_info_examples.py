"""The whole gateway with the documents' records: each document's example comes back, and each endpoint is an authority
for the next gateway."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.builders.dialects import ANSWERS
from tests.support.builders.example_sessions import WACHT_JSON
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import (
    BEARER_SESSION,
    LOGIN_TOKEN,
    ORGANIZATION_KEY,
    PROJECT_KEY,
    READERS,
    USER_ID,
    USER_KEY,
    Examples,
    Gateway,
    config,
    serving,
)
from tests.support.servers.recording_upstream import recording_upstream

CLOSED = "QoYYFw2t9oKks2niG"
SESSION_INFO = [
    {"dialect": "composio", "credentials": ["project_key", "user_key", "org_key"]},
    {"dialect": "wacht", "credentials": ["cookie"]},
    {"dialect": "memghost", "credentials": ["token"]},
    {"dialect": "rocketchat", "credentials": ["pair"]},
]
PATHS = {
    "composio": "/api/v3/auth/session/info",
    "wacht": "/session",
    "memghost": "/auth/session",
    "rocketchat": f"/api/v1/sessions/info?sessionId={CLOSED}",
}


@pytest.fixture
async def gateway(examples: Examples, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(examples, tmp_path / "first") as opened:
        yield opened


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextlib.asynccontextmanager
async def running(examples: Examples, folder: Path, **sections: Any) -> AsyncIterator[Gateway]:
    async with recording_upstream() as upstream:
        whole = config(upstream.port, examples.settings(made(folder)), session_info=SESSION_INFO, **sections)
        async with serving(whole, folder) as opened:
            yield opened


def shown(dialect: str, gateway: Gateway) -> dict[str, str]:
    return {
        "composio": {"X-Api-Key": PROJECT_KEY},
        "wacht": {"Cookie": f"__session={gateway.cookie}"},
        "memghost": {"Authorization": f"Bearer {gateway.bearer}"},
        "rocketchat": {"X-User-Id": USER_ID, "X-Auth-Token": LOGIN_TOKEN},
    }[dialect]


async def ask(port: int, path: str, headers: dict[str, str], method: str = "GET") -> RawResponse:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    raw = f"{method} {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n{lines}\r\n"
    return await exchange(port, raw.encode())


async def test_composio_s_example_comes_back_field_for_field(gateway: Gateway) -> None:
    answer = await ask(gateway.port, PATHS["composio"], shown("composio", gateway))
    assert (answer.status, answer.json()) == (200, ANSWERS["composio"])
    user = await ask(gateway.port, PATHS["composio"], {"X-User-Api-Key": USER_KEY})
    assert user.json() == {**ANSWERS["composio"], "api_key": None}
    organization = await ask(gateway.port, PATHS["composio"], {"X-Org-Api-Key": ORGANIZATION_KEY})
    assert organization.json() == {**ANSWERS["composio"], "api_key": None, "project": None}


async def test_wacht_s_example_comes_back_field_for_field_within_the_product_s_own(gateway: Gateway) -> None:
    answer = await ask(gateway.port, PATHS["wacht"], shown("wacht", gateway))
    body = answer.json()
    assert answer.status == 200
    assert {key: body[key] for key in ("status", "message", "errors")} == {"status": 200, "message": "", "errors": []}
    assert {key: body["data"][key] for key in WACHT_JSON["data"]} == WACHT_JSON["data"]
    assert {key: body["session"][key] for key in WACHT_JSON["session"]} == WACHT_JSON["session"]


async def test_memghost_s_example_comes_back_but_for_the_times_that_move(gateway: Gateway) -> None:
    answer = await ask(gateway.port, PATHS["memghost"], shown("memghost", gateway))
    body = answer.json()
    moving = {"expires_at", "last_activity_at"}  # by form only: the example's token has long expired
    assert answer.status == 200
    assert body.keys() == ANSWERS["memghost"].keys()
    assert {key: value for key, value in body.items() if key not in moving} == {
        key: value for key, value in ANSWERS["memghost"].items() if key not in moving
    }
    assert all(body[key].endswith("Z") for key in moving)


async def test_rocketchat_s_example_comes_back_field_for_field(gateway: Gateway) -> None:
    answer = await ask(gateway.port, PATHS["rocketchat"], shown("rocketchat", gateway))
    assert (answer.status, answer.json()) == (200, ANSWERS["rocketchat"])


async def test_somebody_else_s_session_is_not_found(gateway: Gateway) -> None:
    path = f"/api/v1/sessions/info?sessionId={BEARER_SESSION}"
    answer = await ask(gateway.port, path, shown("rocketchat", gateway))
    assert (answer.status, answer.json()) == (400, {"success": False, "error": "Session not found"})


@pytest.mark.parametrize("dialect", sorted(PATHS))
async def test_the_normal_form_knows_every_kind_and_shows_no_secret(gateway: Gateway, dialect: str) -> None:
    answer = await ask(gateway.port, "/_gateway/session", shown(dialect, gateway))
    assert answer.status == 200
    assert answer.json()["session"]["subject"]
    for secret in (PROJECT_KEY, LOGIN_TOKEN, gateway.bearer, gateway.cookie, "whsec_"):
        assert secret.encode() not in answer.body


async def test_the_document_lists_every_endpoint(gateway: Gateway) -> None:
    answer = await ask(gateway.port, "/_gateway/openapi.json", {})
    paths = set(answer.json()["paths"])
    assert {path.partition("?")[0] for path in PATHS.values()} | {"/_gateway/session"} <= paths


def remote(dialect: str, port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}{PATHS[dialect].partition('?')[0]}"
    return {"kind": "remote", "dialect": dialect, "url": url}


READER_OF = {"composio": "project_key", "wacht": "cookie", "memghost": "token", "rocketchat": "pair"}


@contextlib.asynccontextmanager
async def in_front_of(gateway: Gateway, examples: Examples, folder: Path, **pair: Any) -> AsyncIterator[Gateway]:
    """Run a second gateway whose every credential is known by the first alone, asked in four dialects."""
    readers = {
        name: {**READERS[name], "authority": dialect, **(pair if name == "pair" else {})}
        for dialect, name in READER_OF.items()
    }
    info = [{**each, "credentials": [READER_OF[str(each["dialect"])]]} for each in SESSION_INFO]
    async with recording_upstream() as upstream:
        whole = config(upstream.port, examples.settings(made(folder)), credentials=readers, session_info=info)
        whole["authorities"] = {dialect: remote(dialect, gateway.port) for dialect in PATHS}
        async with serving(whole, folder) as second:
            yield second


@pytest.mark.parametrize("dialect", sorted(PATHS))
async def test_our_endpoint_is_an_authority_for_another_gateway(
    gateway: Gateway, examples: Examples, tmp_path: Path, dialect: str
) -> None:
    headers = shown(dialect, gateway)
    async with in_front_of(gateway, examples, tmp_path / "second") as second:
        direct = await ask(gateway.port, PATHS[dialect], headers)
        through = await ask(second.port, PATHS[dialect], headers)
        proxied = await ask(second.port, "/echo/", headers)
        bad = await ask(second.port, PATHS[dialect], {name: f"{value}x" for name, value in headers.items()})
    assert (direct.status, through.status, proxied.status, bad.status) == (200, 200, 200, 401)
    said, heard = direct.json(), through.json()
    for body in (said, heard):
        body.pop("last_activity_at", None)
    assert said == heard


async def test_a_pair_may_name_its_session(gateway: Gateway, examples: Examples, tmp_path: Path) -> None:
    headers = shown("rocketchat", gateway)
    async with in_front_of(gateway, examples, tmp_path / "second", session_header="x-session-id") as second:
        alone = await ask(second.port, "/_gateway/session", headers)
        closed = await ask(second.port, "/_gateway/session", {**headers, "X-Session-Id": CLOSED})
        unknown = await ask(second.port, "/_gateway/session", {**headers, "X-Session-Id": "unheard-of"})
        live = await ask(second.port, "/_gateway/session", {**headers, "X-Session-Id": "rBk3bZ8vJ2sQeT5wX"})
    assert "roles" not in alone.json()["session"]
    assert (closed.status, unknown.status) == (401, 401)
    assert live.json()["session"]["id"] == "rBk3bZ8vJ2sQeT5wX"
    assert "admin" in live.json()["session"]["roles"]


async def test_an_authority_that_is_away_is_503_in_the_product_s_words_and_never_401(
    examples: Examples, tmp_path: Path
) -> None:
    async with running(examples, tmp_path / "first") as first:
        headers = {dialect: shown(dialect, first) for dialect in PATHS}
        async with in_front_of(first, examples, tmp_path / "second") as second:
            await first.worker.drain(0.1)
            answers = {dialect: await ask(second.port, PATHS[dialect], headers[dialect]) for dialect in PATHS}
    for answer in answers.values():
        assert answer.status == 503
        assert answer.one(b"retry-after")
        assert msgspec.json.decode(answer.body)
