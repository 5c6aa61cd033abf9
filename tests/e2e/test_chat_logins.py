"""Rocket.Chat's device management by two clients of others, unmodified: from PyPI, and the product's own from npm."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
from rocketchat_API.APIExceptions.RocketExceptions import (
    RocketApiException,
    RocketAuthenticationException,
    RocketConnectionException,
)
from rocketchat_API.rocketchat import RocketChat

from gateway.dialects.rocketchat import RocketchatActionName
from gateway.directory.operations.session_rows import IssuedSession
from tests.support.clients.admin_client import AdminClient
from tests.support.clients.raw_http import PATIENCE
from tests.support.gateways.serving import LOGIN_TOKEN, READERS, USER_ID, Examples, Gateway, config, serving
from tests.support.gateways.signed_in import FIREFOX, MEMGHOST_USER, call, pair, sign_in
from tests.support.gateways.signing_in import READER
from tests.support.repository import ROOT
from tests.support.servers.recording_upstream import recording_upstream

INFO = {
    "dialect": "rocketchat",
    "credentials": ["pair"],
    "actions": list(get_args(RocketchatActionName)),
    "managers": ["admin"],
}
CHAT = ROOT / "tests/e2e/npm/chat.mjs"
NOT_FOUND = {"success": False, "error": "Session not found"}


class House:
    """A gateway, and people who log in to a chat."""

    def __init__(self, gateway: Gateway, accounts: dict[str, Any]) -> None:
        self.port = gateway.port
        self.url = f"http://127.0.0.1:{gateway.port}"
        self.admin = AdminClient(gateway.admin_port)
        self._accounts = accounts

    async def log_in(self) -> IssuedSession:
        return await sign_in(self._accounts, MEMGHOST_USER, user_agent=FIREFOX)

    async def passes(self, issued: IssuedSession) -> bool:
        return (await call(self.port, "GET /echo/", *pair(issued))).status == 200

    async def by_npm(self, user_id: str, token: str, *calls: tuple[str, str, Any]) -> Any:
        """Return what came of each call of npm's client."""
        node = shutil.which("node")
        assert node is not None, "run tests/e2e/run, which gets Node.js"
        arguments = (node, CHAT, self.url, user_id, token, json.dumps(calls))
        process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(output)


PEOPLE = {"kind": "password", "logins": ["rocketchat"], "per_name_and_address": {"rate": "1/h", "burst": 3}}


@pytest.fixture
async def house(examples: Examples, tmp_path: Path) -> AsyncIterator[House]:
    accounts = examples.settings(tmp_path)
    async with (
        recording_upstream() as upstream,
        serving(
            config(upstream.port, accounts, session_info=[INFO])
            | {"credentials": READERS | READER, "sign_in": {"reader": "signed_in", "providers": {"people": PEOPLE}}},
            tmp_path,
        ) as gateway,
    ):
        yield House(gateway, accounts)


async def test_rocketchat_api_logs_in_by_a_password(house: House) -> None:
    person, phrase = {"id": "joe-1", "username": "joe", "email": "joe@example.com"}, "a phrase, with +%& and \u00f6"
    assert (await house.admin("POST", "/v1/users", person)).status == 201
    assert (await house.admin("PUT", "/v1/users/joe-1/password", {"password": phrase})).status == 204

    def use() -> tuple[Any, Any]:
        client = RocketChat("joe@example.com", phrase, server_url=house.url)
        again = RocketChat(server_url=house.url)
        answer = again.login("joe", phrase)
        assert answer["data"]["me"]["username"] == "joe"
        assert client.headers["X-User-Id"] == again.headers["X-User-Id"] == "joe-1"
        listed = client.call_api_get("sessions/list")
        for login, password in (("joe", "wrong"), ("nobody", phrase)):
            with pytest.raises(RocketAuthenticationException):
                RocketChat(login, password, server_url=house.url)
        for _ in range(2):
            with pytest.raises((RocketAuthenticationException, RocketConnectionException)) as refused:
                RocketChat("joe", "wrong again", server_url=house.url)
        return listed, (refused.type, client.logout()["status"])

    (npm,) = await house.by_npm("", "", ("post", "/v1/login", {"user": "joe@example.com", "password": phrase}))
    data = npm["answer"]["data"]
    (gone,) = await house.by_npm(data["userId"], data["authToken"], ("post", "/v1/logout", None))
    assert (data["userId"], gone["answer"]["status"]) == ("joe-1", "success")
    listed, (refused, out) = await asyncio.to_thread(use)
    assert listed["total"] == 2
    assert (refused, out) == (RocketConnectionException, "success")


async def test_rocketchat_api_lists_and_ends_logins(house: House) -> None:
    mine, other, third = [await house.log_in() for _ in range(3)]
    assert mine.pair is not None
    client = RocketChat(user_id=mine.pair.user_id, auth_token=mine.pair.token, server_url=house.url)

    def use() -> tuple[Any, Any, Any]:
        listed = client.call_api_get("sessions/list", count=10, filter="firefox")
        ended = client.call_api_post("sessions/logout.me", sessionId=other.session.id)
        with pytest.raises(RocketApiException) as refused:
            client.call_api_post("sessions/logout.me", sessionId=other.session.id)
        assert refused.value.status_code == 400
        return listed, ended, client.call_api_post("users.logoutOtherClients")

    listed, ended, token = await asyncio.to_thread(use)
    assert {each["sessionId"] for each in listed["sessions"]} == {each.session.id for each in (mine, other, third)}
    assert ended == {"sessionId": other.session.id, "success": True}
    assert token["token"] == mine.pair.token
    assert [await house.passes(each) for each in (mine, other, third)] == [True, False, False]
    assert (await asyncio.to_thread(client.logout))["status"] == "success"
    assert not await house.passes(mine)


async def test_the_products_own_client_lists_and_ends_logins(house: House) -> None:
    mine, other = await house.log_in(), await house.log_in()
    assert mine.pair is not None
    listed, ended, again, forbidden, out = await house.by_npm(
        mine.pair.user_id,
        mine.pair.token,
        ("get", "/v1/sessions/list", {"filter": "firefox", "offset": 0, "count": 5, "sort": '{"loginAt":1}'}),
        ("post", "/v1/sessions/logout.me", {"sessionId": other.session.id}),
        ("post", "/v1/sessions/logout.me", {"sessionId": other.session.id}),
        ("get", "/v1/sessions/list.all", {}),
        ("post", "/v1/logout", None),
    )
    assert [each["sessionId"] for each in listed["answer"]["sessions"]] == [mine.session.id, other.session.id]
    assert ended["answer"] == {"sessionId": other.session.id, "success": True}
    assert again == {"status": 400, "answer": NOT_FOUND}
    assert (forbidden["status"], forbidden["answer"]["success"]) == (403, False)
    assert out["answer"]["status"] == "success"
    assert [await house.passes(each) for each in (mine, other)] == [False, False]


async def test_a_manager_sees_and_ends_everybodys_by_the_products_own_client(house: House) -> None:
    other = await house.log_in()
    everybody, shown, ended = await house.by_npm(
        USER_ID,
        LOGIN_TOKEN,
        ("get", "/v1/sessions/list.all", {"sort": '{"_user.username":-1}'}),
        ("get", "/v1/sessions/info.admin", {"sessionId": other.session.id}),
        ("post", "/v1/sessions/logout", {"sessionId": other.session.id}),
    )
    assert everybody["answer"]["total"] == 2
    assert shown["answer"]["device"]["name"] == "Firefox"
    assert ended["answer"]["sessionId"] == other.session.id
    assert not await house.passes(other)
