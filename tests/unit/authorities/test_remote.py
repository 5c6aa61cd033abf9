"""A remote session-info endpoint as an authority: what is sent, and when an answer is no live session."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.authorities.remote import RemoteAuthority, RemoteSettings
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Undecided
from tests.support.builders.example_sessions import (
    BEARER,
    COMPOSIO_JSON,
    FOUND,
    MEMGHOST_JSON,
    PAIR,
    PAIR_WITH_SESSION,
    PROJECT_KEY,
    ROCKETCHAT_JSON,
)
from tests.support.servers.low_level import listening

NOT_FOUND = {"success": False, "error": "Session not found"}


class Remote:
    """A product's endpoint that answers as set and records its requests."""

    def __init__(self, says: Any, status: int = 200) -> None:
        self._says = says
        self._status = status
        self.requests: list[web.BaseRequest] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        return web.json_response(self._says, status=self._status)


@contextlib.asynccontextmanager
async def authority(dialect: Any, remote: Remote, query: str = "") -> AsyncIterator[RemoteAuthority]:
    async with listening(remote.answer) as port:
        url = f"http://127.0.0.1:{port}/who{query}"
        opened = RemoteAuthority("r", RemoteSettings(kind="remote", dialect=dialect, url=url, timeout="10s"))
        try:
            yield opened
        finally:
            await opened.close()


async def test_it_sends_the_credential_and_nothing_that_names_the_caller() -> None:
    remote = Remote(COMPOSIO_JSON)
    async with authority("composio", remote) as opened:
        await opened.look_up(PROJECT_KEY)
    headers = dict(remote.requests[0].headers)
    del headers["Host"]
    assert headers == {
        "x-api-key": "sk_live_abc123xyz456",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "session-gateway",
    }


async def test_a_query_of_the_url_s_own_is_kept() -> None:
    remote = Remote(ROCKETCHAT_JSON)
    async with authority("rocketchat", remote, "?tenant=a%2Fb") as opened:
        await opened.session_of(PAIR, "QoYYFw2t9oKks2niG")
    assert remote.requests[0].raw_path == "/who?tenant=a%2Fb&sessionId=QoYYFw2t9oKks2niG"


@pytest.mark.parametrize(
    ("state", "expected"),
    [("expired", Rejected(Reason.EXPIRED)), ("revoked", Rejected(Reason.REVOKED)), ("odd", Rejected(Reason.REVOKED))],
)
async def test_a_session_that_has_ended_opens_nothing(state: str, expected: Rejected) -> None:
    async with authority("memghost", Remote({**MEMGHOST_JSON, "state": state})) as opened:
        assert await opened.look_up(BEARER) == expected


async def test_a_logged_out_session_opens_nothing_and_may_be_looked_at_by_its_owner() -> None:
    async with authority("rocketchat", Remote(ROCKETCHAT_JSON)) as opened:
        assert await opened.look_up(PAIR_WITH_SESSION) == Rejected(Reason.REVOKED)
        assert await opened.session_of(PAIR, "QoYYFw2t9oKks2niG") == FOUND["rocketchat"]


@pytest.mark.parametrize("status", [400, 404])
async def test_without_a_session_id_not_found_proves_the_pair_and_gives_the_user_alone(status: int) -> None:
    remote = Remote(NOT_FOUND, status)
    async with authority("rocketchat", remote) as opened:
        answer = await opened.look_up(PAIR)
        named = await opened.look_up(PAIR_WITH_SESSION)
    assert isinstance(answer, Found)
    assert answer.session.user is not None
    assert (answer.session.subject, answer.session.user.id, answer.session.roles) == (PAIR.parts[0], PAIR.parts[0], ())
    assert answer.session.id is None
    assert named == Rejected(Reason.GONE)
    assert [request.rel_url.query["sessionId"] for request in remote.requests] == ["", "QoYYFw2t9oKks2niG"]


async def test_an_answer_about_somebody_else_is_cannot_tell() -> None:
    live = {key: value for key, value in ROCKETCHAT_JSON.items() if key != "closedAt"}
    for changed in ({"userId": "another"}, {"sessionId": "another"}):
        async with authority("rocketchat", Remote({**live, **changed})) as opened:
            assert isinstance(await opened.look_up(PAIR_WITH_SESSION), Unavailable)


async def test_a_credential_that_the_dialect_has_no_words_for_is_unknown_and_not_sent() -> None:
    remote = Remote(MEMGHOST_JSON)
    async with authority("memghost", remote) as opened:
        assert await opened.look_up(PROJECT_KEY) == Rejected(Reason.UNKNOWN)
        assert await opened.session_of(BEARER, "another") == Rejected(Reason.GONE)
    assert remote.requests == []


async def test_a_429_of_its_own_says_when_it_is_asked_again() -> None:
    """Rocket.Chat counts by address: whatever credential is next would be refused as well."""
    asked, limited = [], [True]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        headers = {"X-RateLimit-Reset": "1700000042000", "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}  # 1,700,000,000
        return web.json_response({"success": False}, status=429, headers=headers if limited[0] else {})

    async with listening(answer) as port:
        settings = RemoteSettings(kind="remote", dialect="rocketchat", url=f"http://127.0.0.1:{port}/", timeout="10s")
        opened = RemoteAuthority("r", settings)
        limited[0] = False
        first = await opened.look_up(PAIR)  # it does not say until when
        limited[0] = True
        told = await opened.look_up(PAIR)
        waiting = [await opened.look_up(PAIR) for _ in range(3)]
        await opened.close()
    assert isinstance(first, Undecided)
    assert isinstance(told, Undecided)
    assert (first.retry_after, told.retry_after) == (1, 42)
    assert len(asked) == 2
    for each in waiting:
        assert isinstance(each, Undecided)
        assert 40 <= each.retry_after <= 42
        assert each.asked is False


@pytest.mark.parametrize(("said", "wait"), [("7", 7), ("99999", 300), ("soon", 1), ("-1", 1), ("", 1)])
async def test_a_429_of_others_is_about_one_credential(said: str, wait: int) -> None:
    asked = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response({}, status=429, headers={"Retry-After": said})

    async with listening(answer) as port:
        settings = RemoteSettings(kind="remote", dialect="memghost", url=f"http://127.0.0.1:{port}/", timeout="10s")
        opened = RemoteAuthority("r", settings)
        for _ in range(2):
            told = await opened.look_up(BEARER)
            assert isinstance(told, Undecided)
            assert told.retry_after == wait
        await opened.close()
    assert len(asked) == 2
