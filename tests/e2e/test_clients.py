"""The products' own clients, from PyPI and unmodified, against our port."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import composio_client
import pytest
import requests
from aiohttp import web
from requests.adapters import HTTPAdapter
from rocketchat_API.APIExceptions.RocketExceptions import RocketApiException
from rocketchat_API.rocketchat import RocketChat
from urllib3.util import Retry

from tests.support.builders.dialects import ANSWERS
from tests.support.gateways.serving import (
    LOGIN_TOKEN,
    PROJECT_KEY,
    READERS,
    USER_ID,
    Examples,
    Gateway,
    config,
    serving,
)
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import recording_upstream

CLOSED = "QoYYFw2t9oKks2niG"
SESSION_INFO = [
    {"dialect": "composio", "credentials": ["project_key"]},
    {"dialect": "rocketchat", "credentials": ["pair"]},
]


@pytest.fixture
async def gateway(examples: Examples, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with recording_upstream() as upstream:
        whole = config(upstream.port, examples.settings(tmp_path), session_info=SESSION_INFO)
        async with serving(whole, tmp_path) as running:
            yield running


class Recovering:
    """A remote authority that is down for its first `faults` requests."""

    def __init__(self, dialect: str, faults: int = 1) -> None:
        self._answer = {key: value for key, value in ANSWERS[dialect].items() if key != "closedAt"}
        self._faults = faults
        self.asked = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked += 1
        status = 500 if self.asked <= self._faults else 200
        body = json.dumps(self._answer).encode()
        await request.read()
        return web.Response(status=status, body=body, content_type="application/json")


@contextlib.asynccontextmanager
async def recovering(remote: Recovering, dialect: str, folder: Path) -> AsyncIterator[Gateway]:
    """Run a gateway in front of a remote authority that is down at first."""
    name = "project_key" if dialect == "composio" else "pair"
    reader: dict[str, Any] = {**READERS[name], "authority": "remote"}
    if dialect == "rocketchat":
        reader["session_header"] = "x-session-id"
    async with listening(remote.answer) as port, recording_upstream() as upstream:
        info = [{"dialect": dialect, "credentials": [name]}]
        whole = config(upstream.port, {}, credentials={name: reader}, session_info=info)
        whole["authorities"] = {"remote": {"kind": "remote", "dialect": dialect, "url": f"http://127.0.0.1:{port}/"}}
        async with serving(whole, folder) as running:
            yield running


def composio(gateway: Gateway, key: str) -> Any:
    client = composio_client.Composio(api_key=key, base_url=f"http://127.0.0.1:{gateway.port}")
    with client:
        return client.get("/api/v3/auth/session/info", cast_to=object)


def rocketchat(gateway: Gateway, token: str, session: requests.Session, session_id: str = CLOSED) -> Any:
    url = f"http://127.0.0.1:{gateway.port}"
    client = RocketChat(user_id=USER_ID, auth_token=token, server_url=url, session=session)
    return client.call_api_get("sessions/info", sessionId=session_id)


async def test_composio_client_gets_the_document_s_example(gateway: Gateway) -> None:
    assert await asyncio.to_thread(composio, gateway, PROJECT_KEY) == ANSWERS["composio"]


async def test_composio_client_finds_us_by_its_environment(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSIO_BASE_URL", f"http://127.0.0.1:{gateway.port}")
    monkeypatch.setenv("COMPOSIO_API_KEY", PROJECT_KEY)
    with composio_client.Composio() as client:
        answer = await asyncio.to_thread(client.get, "/api/v3/auth/session/info", cast_to=object)
    assert answer == ANSWERS["composio"]


async def test_composio_client_raises_its_own_exception_for_401(gateway: Gateway) -> None:
    with pytest.raises(composio_client.AuthenticationError) as refused:
        await asyncio.to_thread(composio, gateway, "sk_unknown_key")
    assert refused.value.status_code == 401
    body: Any = refused.value.body
    assert body["error"]["message"] == "Invalid API key: sk_unkno*****"


async def test_composio_client_retries_a_503_to_success(tmp_path: Path) -> None:
    remote = Recovering("composio")
    async with recovering(remote, "composio", tmp_path) as running:
        answer = await asyncio.to_thread(composio, running, PROJECT_KEY)
    assert answer == ANSWERS["composio"]
    assert remote.asked == 2


async def test_rocketchat_api_gets_the_document_s_example(gateway: Gateway) -> None:
    with requests.Session() as session:
        answer = await asyncio.to_thread(rocketchat, gateway, LOGIN_TOKEN, session)
    assert answer == ANSWERS["rocketchat"]


async def test_rocketchat_api_raises_its_own_exceptions(gateway: Gateway) -> None:
    with requests.Session() as session:
        for token, session_id, status in (("wrong", CLOSED, 401), (LOGIN_TOKEN, "unheard-of", 400)):
            with pytest.raises(RocketApiException) as refused:
                await asyncio.to_thread(rocketchat, gateway, token, session, session_id)
            assert refused.value.status_code == status


async def test_rocketchat_api_retries_a_503_to_success(tmp_path: Path) -> None:
    """The client leaves retries to the session that it is given."""
    remote = Recovering("rocketchat")
    patient = Retry(total=2, status_forcelist=[503], respect_retry_after_header=True)
    async with recovering(remote, "rocketchat", tmp_path) as running:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=patient))
            session.headers["X-Session-Id"] = CLOSED
            answer = await asyncio.to_thread(rocketchat, running, LOGIN_TOKEN, session)
    assert answer["sessionId"] == CLOSED
    assert answer["success"] is True
    assert remote.asked == 2
