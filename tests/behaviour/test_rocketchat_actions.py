"""Rocket.Chat's actions through a socket: one's logins listed and ended, and everybody's for managers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest

from gateway.dialects.rocketchat import RocketchatActionName
from gateway.directory.operations.session_rows import IssuedSession
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.serving import LOGIN_TOKEN, USER_ID, Examples, Gateway, config, serving
from tests.support.gateways.signed_in import FIREFOX, MEMGHOST_USER, WACHT_USER, bearer, call, pair, sign_in
from tests.support.servers.recording_upstream import recording_upstream

INFO = {
    "dialect": "rocketchat",
    "credentials": ["pair"],
    "actions": list(get_args(RocketchatActionName)),
    "managers": ["admin"],
}
ADMIN = (f"X-User-Id: {USER_ID}", f"X-Auth-Token: {LOGIN_TOKEN}")
LIVE, CLOSED = "rBk3bZ8vJ2sQeT5wX", "QoYYFw2t9oKks2niG"
NOT_FOUND = {"success": False, "error": "Session not found"}
FORBIDDEN = "User does not have the permissions required for this action [error-unauthorized]"


class House:
    """A gateway, and people who log in to a chat."""

    def __init__(self, gateway: Gateway, accounts: dict[str, Any]) -> None:
        self.port = gateway.port
        self.accounts = accounts

    async def log_in(self, user: str = MEMGHOST_USER, **fields: Any) -> IssuedSession:
        return await sign_in(self.accounts, user, **fields)

    async def get(self, path: str, *lines: str) -> RawResponse:
        return await call(self.port, f"GET /api/v1/{path}", *lines)

    async def post(self, path: str, *lines: str, body: object = None) -> RawResponse:
        sent = None if body is None else body if isinstance(body, str) else json.dumps(body)
        return await call(self.port, f"POST /api/v1/{path}", *lines, "Content-Type: application/json", body=sent)

    async def passes(self, *lines: str) -> bool:
        return (await call(self.port, "GET /echo/", *lines)).status == 200


@pytest.fixture
async def house(examples: Examples, tmp_path: Path) -> AsyncIterator[House]:
    accounts = examples.settings(tmp_path)
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=[INFO]), tmp_path) as gateway,
    ):
        yield House(gateway, accounts)


async def test_a_list_is_the_documents(house: House) -> None:
    response = await house.get("sessions/list", *ADMIN)
    assert response.status == 200
    assert response.json() == {
        "sessions": [
            {
                "sessionId": LIVE,
                "userId": USER_ID,
                "device": {
                    "type": "browser",
                    "name": "Chrome",
                    "longVersion": "113.0.0.0",
                    "os": {"name": "Windows", "version": "10"},
                    "version": "113.0.0",
                },
                "host": "localhost:3000",
                "ip": "172.20.0.2",
                "loginAt": "2023-05-24T08:15:00.000Z",
                "_id": LIVE,
            }
        ],
        "total": 1,
        "count": 50,
        "offset": 0,
        "success": True,
    }
    assert list(response.json()["sessions"][0]) == ["sessionId", "userId", "device", "host", "ip", "loginAt", "_id"]


async def test_a_list_is_filtered_sorted_and_paged(house: House) -> None:
    logins = [await house.log_in(user_agent=FIREFOX), await house.log_in(), await house.log_in(user_agent=FIREFOX)]
    mine = pair(logins[0])

    async def ids(query: str) -> tuple[list[str], int]:
        answer = (await house.get(f"sessions/list?{query}", *mine)).json()
        return [each["sessionId"] for each in answer["sessions"]], answer["total"]

    newest_first = [login.session.id for login in reversed(logins)]
    assert await ids("") == (newest_first, 3)
    assert await ids(f"sort={quote(json.dumps({'loginAt': 1}))}") == (newest_first[::-1], 3)
    assert await ids("offset=1&count=1") == ([newest_first[1]], 3)
    assert await ids("count=0") == (newest_first, 3)
    assert await ids("filter=FIREfox") == ([newest_first[0], newest_first[2]], 2)
    assert await ids(f"filter={logins[1].session.id[:8]}") == ([logins[1].session.id], 1)
    for nothing in ("%25", "_", ".%2A", "%27"):
        assert await ids(f"filter={nothing}") == ([], 0)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("offset=x", "must be number [invalid-params]"),
        ("count=-1", "must be number [invalid-params]"),
        ("count=99999999999999", "must be number [invalid-params]"),
        ("query={}", "must NOT have additional properties [invalid-params]"),
        ("filter=a&filter=b", "must be string [invalid-params]"),
        ("sort=x", "Invalid sort parameter provided [error-invalid-sort]"),
        (f"sort={quote('{') * 1000}", "Invalid sort parameter provided [error-invalid-sort]"),
        (f"sort={quote(json.dumps({'loginAt': 2}))}", "Invalid sort parameter provided [error-invalid-sort]"),
        (f"sort={quote(json.dumps({'loginToken': 1}))}", "error-invalid-sort-keys"),
    ],
)
async def test_a_wrong_parameter_is_400_in_the_products_words(house: House, query: str, error: str) -> None:
    response = await house.get(f"sessions/list?{query}", *ADMIN)
    assert (response.status, response.json()["success"], response.json()["error"]) == (400, False, error)


async def test_a_login_of_ones_own_is_ended(house: House) -> None:
    mine, other = await house.log_in(), await house.log_in()
    response = await house.post("sessions/logout.me", *pair(mine), body={"sessionId": other.session.id})
    assert (response.status, response.json()) == (200, {"sessionId": other.session.id, "success": True})
    assert not await house.passes(*pair(other))
    assert not await house.passes(bearer(other))
    assert await house.passes(*pair(mine))


@pytest.mark.parametrize("path", ["sessions/logout.me", "sessions/logout"])
async def test_what_is_no_login_is_not_found(house: House, path: str) -> None:
    stranger = await house.log_in(WACHT_USER)
    without = await house.log_in(WACHT_USER, credentials=["cookie"])
    ids = ["unheard-of", CLOSED, without.session.id, *([stranger.session.id] if path.endswith("me") else [])]
    for id_ in ids:
        response = await house.post(path, *ADMIN, body={"sessionId": id_})
        assert (response.status, response.json()) == (400, NOT_FOUND)
    for body in ({}, {"sessionId": 1}, {"sessionId": "x", "more": 1}, "not json", None):
        response = await house.post(path, *ADMIN, body=body)
        assert (response.status, response.json()["errorType"]) == (400, "invalid-params")
    assert await house.passes(*pair(stranger))


async def test_what_is_for_managers_is_for_whoever_has_their_role(house: House) -> None:
    member, other = await house.log_in(), await house.log_in(WACHT_USER)
    for response in (
        await house.get("sessions/list.all", *pair(member)),
        await house.get(f"sessions/info.admin?sessionId={LIVE}", *pair(member)),
        await house.post("sessions/logout", *pair(member), body={"sessionId": LIVE}),
    ):
        assert (response.status, response.json()) == (403, {"success": False, "error": FORBIDDEN})
    assert await house.passes(*ADMIN)
    everybody = (await house.get("sessions/list.all", *ADMIN)).json()
    assert {each["userId"] for each in everybody["sessions"]} == {USER_ID, MEMGHOST_USER, WACHT_USER}
    assert everybody["total"] == 3
    by_name = (await house.get("sessions/list.all?filter=JOHNdoe", *ADMIN)).json()
    assert [each["_user"] for each in by_name["sessions"]] == [{"username": "johndoe"}]
    shown = await house.get(f"sessions/info.admin?sessionId={other.session.id}", *ADMIN)
    assert (shown.status, shown.json()["userId"], shown.json()["success"]) == (200, WACHT_USER, True)
    assert (await house.get("sessions/info.admin?sessionId=x", *ADMIN)).status == 400
    ended = await house.post("sessions/logout", *ADMIN, body={"sessionId": other.session.id})
    assert (ended.status, ended.json()["sessionId"]) == (200, other.session.id)
    assert not await house.passes(*pair(other))


async def test_a_logout_ends_the_callers_login(house: House) -> None:
    mine = await house.log_in()
    response = await house.post("logout", *pair(mine), body={"kwargs": {}})
    expected = {"status": "success", "data": {"message": "You've been logged out!"}}
    assert (response.status, response.json()) == (200, expected)
    assert not await house.passes(*pair(mine))
    again = await house.post("logout", *pair(mine))
    assert (again.status, again.json()["message"]) == (401, "You must be logged in to do this.")


async def test_other_clients_are_logged_out(house: House) -> None:
    mine, other = await house.log_in(ttl=3600), await house.log_in()
    response = await house.post("users.logoutOtherClients", *pair(mine))
    assert mine.pair is not None
    assert (response.status, response.json()["token"], response.json()["success"]) == (200, mine.pair.token, True)
    assert response.json()["tokenExpires"].endswith("Z")
    assert await house.passes(*pair(mine))
    assert not await house.passes(*pair(other))
    assert await house.passes(*ADMIN)


async def test_under_the_products_profile_a_missing_login_is_404(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    async with recording_upstream() as upstream:
        info = [{**INFO, "profile": "product"}]
        async with serving(config(upstream.port, accounts, session_info=info), tmp_path) as gateway:
            house = House(gateway, accounts)
            response = await house.post("sessions/logout.me", *ADMIN, body={"sessionId": "unheard-of"})
    assert (response.status, response.json()) == (404, NOT_FOUND)


async def test_nobody_acts_without_a_login(house: House) -> None:
    for path, method in (("sessions/list", house.get), ("logout", house.post), ("sessions/list.all", house.get)):
        response = await method(path, "X-User-Id: somebody")
        assert (response.status, response.json()["status"], response.json()["success"]) == (401, "error", False)
