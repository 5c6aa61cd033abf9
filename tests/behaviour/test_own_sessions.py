"""People list and end their own sessions on the public port, and nobody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config.settings import Settings
from gateway.directory.operations.session_rows import IssuedSession
from tests.support.clients.raw_http import PATIENCE, raw_client
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, Examples, Gateway, config, serving
from tests.support.gateways.signed_in import (
    FIREFOX,
    HOST,
    MEMGHOST_USER,
    OWN_PAGE,
    WACHT_USER,
    bearer,
    call,
    cookie,
    pair,
    sign_in,
)
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

LIST = "/_gateway/sessions"
PAGE = "https://app.example.com"
SECTION = {"credentials": ["cookie", "token", "pair"], "cors": {"origins": [PAGE]}}


class House:
    """A gateway, and people who sign in there."""

    def __init__(self, gateway: Gateway, accounts: dict[str, Any]) -> None:
        self.gateway = gateway
        self.port = gateway.port
        self._accounts = accounts

    async def sign_in(self, user: str = MEMGHOST_USER, **fields: Any) -> IssuedSession:
        return await sign_in(self._accounts, user, **fields)

    async def shown(self, *lines: str) -> list[dict[str, Any]]:
        response = await call(self.port, f"GET {LIST}", *lines)
        assert response.status == 200, response.body
        listed: list[dict[str, Any]] = response.json()["sessions"]
        return listed

    async def passes(self, *lines: str) -> bool:
        response = await call(self.port, "GET /echo/", *lines)
        assert response.status in {200, 401}
        return response.status == 200


@pytest.fixture
async def house(examples: Examples, tmp_path: Path) -> AsyncIterator[House]:
    async with recording_upstream() as upstream:
        accounts = examples.settings(tmp_path)
        async with serving(config(upstream.port, accounts, sessions=SECTION), tmp_path) as gateway:
            yield House(gateway, accounts)


async def test_the_list_shows_device_address_and_times_and_marks_the_current_one(house: House) -> None:
    first = await house.sign_in(user_agent=FIREFOX, ip="192.0.2.7")
    second = await house.sign_in()
    response = await call(house.port, f"GET {LIST}", bearer(first))
    assert (response.status, response.one(b"Cache-Control")) == (200, b"no-store")
    listed = {each["id"]: each for each in response.json()["sessions"]}
    assert response.json()["more"] is False
    assert [id_ for id_, each in listed.items() if each["current"]] == [first.session.id]
    shown = listed[first.session.id]
    assert (shown["device"]["name"], shown["device"]["os_name"], shown["address"]) == ("Firefox", "Linux", "192.0.2.7")
    assert shown["since"].endswith("Z")
    assert shown["last_active"].endswith("Z")
    other = listed[second.session.id]
    assert (other["current"], other["device"], other["address"]) == (False, None, None)
    assert set(listed) == {first.session.id, second.session.id, "123e4567-e89b-12d3-a456-426614174000"}


async def test_each_credential_of_a_session_lists_the_same(house: House) -> None:
    issued = await house.sign_in()
    for lines in ((bearer(issued),), (cookie(issued),), pair(issued)):
        assert [each["id"] for each in await house.shown(*lines) if each["current"]] == [issued.session.id]


async def test_the_list_holds_nothing_of_another_and_nothing_that_ended(house: House) -> None:
    mine, ended = await house.sign_in(), await house.sign_in()
    await house.sign_in(WACHT_USER)
    assert (await call(house.port, f"DELETE {LIST}/{ended.session.id}", bearer(mine))).status == 204
    listed = await call(house.port, f"GET {LIST}", bearer(mine))
    assert ended.session.id.encode() not in listed.body
    assert {each["id"] for each in listed.json()["sessions"]} == {
        mine.session.id,
        "123e4567-e89b-12d3-a456-426614174000",
    }
    for secret in (mine.bearer, mine.cookie, mine.pair.token if mine.pair else ""):
        assert (secret or "?").encode() not in listed.body


async def test_a_session_that_is_ended_is_over_whatever_shows_it(house: House) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    shows = ((bearer(other),), (cookie(other),), pair(other))
    assert all([await house.passes(*lines) for lines in shows])
    response = await call(house.port, f"DELETE {LIST}/{other.session.id}", bearer(mine))
    assert (response.status, response.body) == (204, b"")
    assert not any([await house.passes(*lines) for lines in shows])
    assert await house.passes(bearer(mine))


async def test_unknown_foreign_and_ended_ids_are_answered_alike(house: House) -> None:
    mine, stranger, ended = await house.sign_in(), await house.sign_in(WACHT_USER), await house.sign_in()
    await call(house.port, f"DELETE {LIST}/{ended.session.id}", bearer(mine))
    ids = ("unheard-of", stranger.session.id, ended.session.id, "session_987654321", "x" * 300, "%00", "%27%20or%201=1")
    answers = []
    for id_ in ids:
        response = await call(house.port, f"DELETE {LIST}/{id_}", bearer(mine))
        body = response.json()
        assert set(body["error"].pop("request_id")) <= set("0123456789abcdef")
        fields = sorted(name for name, _ in response.headers)
        answers.append((response.status, json.dumps(body), fields))
    refused = [answers[-2][0] in {400, 404}, *(answer == answers[0] for answer in (*answers[:5], answers[-1]))]
    assert all(refused), answers
    assert answers[0][0] == 404
    assert await house.passes(bearer(stranger))


async def test_all_others_end_and_the_current_one_goes_on(house: House) -> None:
    mine, other, stranger = await house.sign_in(), await house.sign_in(), await house.sign_in(WACHT_USER)
    response = await call(house.port, f"POST {LIST}/end", bearer(mine), body='{"others": true}')
    assert (response.status, response.json()) == (200, {"ended": 2})
    assert await house.passes(bearer(mine))
    assert not await house.passes(bearer(other))
    assert await house.passes(bearer(stranger))


@pytest.mark.parametrize(
    "body", ["", "{}", '{"others": false}', '{"others": 1}', '{"user": "x"}', "[" * 5000, "\u00ff"]
)
async def test_a_body_that_says_anything_else_ends_nothing(house: House, body: str) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    assert (await call(house.port, f"POST {LIST}/end", bearer(mine), body=body)).status == 400
    assert await house.passes(bearer(other))


async def test_an_api_key_lists_and_ends_nothing(house: House) -> None:
    mine = await house.sign_in()
    for line in (f"X-Api-Key: {PROJECT_KEY}", f"X-Api-Key: {MEMBER_KEY}", f"Authorization: Bearer {PROJECT_KEY}"):
        assert (await call(house.port, f"GET {LIST}", line)).status == 401
        assert (await call(house.port, f"DELETE {LIST}/{mine.session.id}", line)).status == 401
    assert await house.passes(bearer(mine))


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ((OWN_PAGE,), 204),
        ((f"Origin: {PAGE}",), 204),
        ((), 403),
        (("Origin: null",), 403),
        (("Origin: https://evil.example",), 403),
        ((f"Origin: http://{HOST}.evil.example",), 403),
        ((OWN_PAGE, "Origin: https://evil.example"), 403),
    ],
)
async def test_a_cookie_ends_sessions_for_our_own_pages_alone(
    house: House, origin: tuple[str, ...], status: int
) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    response = await call(house.port, f"DELETE {LIST}/{other.session.id}", cookie(mine), *origin)
    assert response.status == status
    assert await house.passes(bearer(other)) == (status == 403)


async def test_who_ends_the_current_session_forgets_its_cookie(house: House) -> None:
    mine = await house.sign_in()
    response = await call(house.port, f"DELETE {LIST}/{mine.session.id}", cookie(mine), OWN_PAGE)
    assert response.status == 204
    assert (response.one(b"Set-Cookie") or b"").startswith(b"__session=; Path=/; Max-Age=0")
    assert not await house.passes(cookie(mine))


async def events(side: UpstreamSide) -> None:
    await side.request()
    await side.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    await side.closed()


async def test_a_stream_ends_with_its_session(examples: Examples, tmp_path: Path) -> None:
    async with recording_upstream(events) as upstream:
        accounts = examples.settings(tmp_path)
        async with serving(config(upstream.port, accounts, sessions=SECTION), tmp_path) as gateway:
            mine, other = await sign_in(accounts, MEMGHOST_USER), await sign_in(accounts, MEMGHOST_USER)
            async with raw_client(gateway.port) as stream:
                await stream.send(f"GET /echo/ HTTP/1.1\r\nHost: {HOST}\r\n{bearer(other)}\r\n\r\n".encode())
                await stream.head()
                assert await stream.chunk() == b"data: 1\n\n"
                ended = await call(gateway.port, f"DELETE {LIST}/{other.session.id}", bearer(mine))
                assert ended.status == 204
                assert await stream.read_all() == b""


async def test_without_redis_a_stream_from_before_a_reload_ends_too(examples: Examples, tmp_path: Path) -> None:
    async with recording_upstream(events) as upstream:
        accounts = examples.settings(tmp_path)
        settings = config(upstream.port, accounts, sessions=SECTION)
        async with serving(settings, tmp_path) as gateway:
            mine, other = await sign_in(accounts, MEMGHOST_USER), await sign_in(accounts, MEMGHOST_USER)
            async with raw_client(gateway.port) as stream:
                await stream.send(f"GET /echo/ HTTP/1.1\r\nHost: {HOST}\r\n{bearer(other)}\r\n\r\n".encode())
                await stream.head()
                assert await stream.chunk() == b"data: 1\n\n"
                await gateway.worker.build(Settings.model_validate(settings), ())
                await gateway.worker.swap()
                ended = await call(gateway.port, f"DELETE {LIST}/{other.session.id}", bearer(mine))
                assert ended.status == 204
                assert await stream.read_all() == b""


async def test_what_is_ended_here_is_over_on_every_replica(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    accounts = examples.settings(tmp_path)
    (tmp_path / "other").mkdir()
    shared = {"sessions": SECTION, "redis": {"url": redis_url, "key_prefix": key_prefix, "timeout": "5s"}}
    async with recording_upstream() as upstream:
        settings = config(upstream.port, accounts, **shared)
        async with serving(settings, tmp_path) as one, serving(settings, tmp_path / "other") as other:
            mine, ended = await sign_in(accounts, MEMGHOST_USER), await sign_in(accounts, MEMGHOST_USER)
            for gateway in (one, other):
                assert (await call(gateway.port, "GET /echo/", bearer(ended))).status == 200
            assert (await call(one.port, f"DELETE {LIST}/{ended.session.id}", bearer(mine))).status == 204
            statuses = [(await call(each.port, "GET /echo/", bearer(ended))).status for each in (other, one)]
    assert statuses == [401, 401]


async def test_an_address_guesses_so_many_ids_and_no_more(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    limits = {"rejected_lookups": {"rate": "1/h", "burst": 3}}
    async with recording_upstream() as upstream:
        settings = config(upstream.port, accounts, sessions=SECTION, limits=limits)
        async with serving(settings, tmp_path) as gateway:
            mine = await sign_in(accounts, MEMGHOST_USER)
            guesses = [await call(gateway.port, f"DELETE {LIST}/guess-{i}", bearer(mine)) for i in range(5)]
    assert [guess.status for guess in guesses] == [404, 404, 404, 429, 429]
    assert guesses[-1].one(b"Retry-After")


async def test_other_methods_are_told_what_is_allowed(house: House) -> None:
    mine = await house.sign_in()
    for method, path, allow in (
        ("POST", LIST, b"GET, HEAD, OPTIONS"),
        ("GET", f"{LIST}/end", b"OPTIONS, POST"),
        ("GET", f"{LIST}/{mine.session.id}", b"DELETE, OPTIONS"),
    ):
        response = await call(house.port, f"{method} {path}", bearer(mine))
        assert (response.status, response.one(b"Allow")) == (405, allow)
        options = await call(house.port, f"OPTIONS {path}")
        assert (options.status, options.one(b"Allow")) == (204, allow)


async def test_two_that_end_one_another_both_get_an_answer(house: House) -> None:
    one, other = await house.sign_in(), await house.sign_in()
    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(
            *(call(house.port, f"DELETE {LIST}/{other.session.id}", bearer(one)) for _ in range(5))
        )
    assert sorted(answer.status for answer in answers) == [204, 404, 404, 404, 404]


async def test_without_its_section_there_is_nothing(examples: Examples, tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        accounts = examples.settings(tmp_path)
        async with serving(config(upstream.port, accounts), tmp_path) as gateway:
            response = await call(gateway.port, f"GET {LIST}", f"Authorization: Bearer {gateway.bearer}")
    assert response.status == 404
