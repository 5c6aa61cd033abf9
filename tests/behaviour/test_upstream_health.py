"""Upstreams that are asked whether they serve, and callers that stay with one of several."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.attacks import get
from tests.support.gateways.serving import (
    MEMBER_KEY,
    ORGANIZATION_KEY,
    PROJECT_KEY,
    USER_KEY,
    Examples,
    config,
    serving,
)
from tests.support.servers.recording_upstream import RecordingUpstream, UpstreamSide, recording_upstream

FAILING = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
CHECK = {"path": "/healthz?deep=1", "interval": "10ms", "timeout": "5s", "failures": 2}
SHOWN = (
    f"X-Api-Key: {PROJECT_KEY}",
    f"X-Api-Key: {MEMBER_KEY}",
    f"X-User-Api-Key: {USER_KEY}",
    f"X-Org-Api-Key: {ORGANIZATION_KEY}",
)


def routed(examples: Examples, folder: Path, *upstreams: RecordingUpstream, **route: Any) -> dict[str, Any]:
    addresses = [f"http://127.0.0.1:{upstream.port}" for upstream in upstreams]
    routes = [{"name": "orders", "match": {"path": "/orders/"}, "upstream": addresses, **route}]
    return config(1, examples.settings(folder), routes=routes)


async def ask(port: int, shown: str = SHOWN[0]) -> int:
    async with raw_client(port) as client:
        await client.send(f"GET /orders/1 HTTP/1.1\r\nHost: gateway.test\r\n{shown}\r\n\r\n".encode())
        return (await client.response()).status


def carried(upstream: RecordingUpstream) -> int:
    return sum(request.target == b"/orders/1" for request in upstream.requests)


async def until_only(port: int, one: RecordingUpstream, other: RecordingUpstream) -> None:
    """Ask until `other` gets none of ten requests that one after the other are all answered by `one`."""
    async with asyncio.timeout(30):
        while True:
            before = carried(one), carried(other)
            assert {await ask(port) for _ in range(10)} == {200}
            if (carried(one) - before[0], carried(other) - before[1]) == (10, 0):
                return


async def until_both(port: int, one: RecordingUpstream, other: RecordingUpstream) -> None:
    async with asyncio.timeout(30):
        before = carried(one), carried(other)
        while carried(one) == before[0] or carried(other) == before[1]:
            await ask(port)


class Sick:
    """An upstream that may be told to fail its health checks, and answers everything else."""

    def __init__(self) -> None:
        self.answer = FAILING
        self.asked: list[bytes] = []

    async def talk(self, side: UpstreamSide) -> None:
        while (request := await side.request()) is not None:
            if request.target == b"/orders/1":
                await side.send(side.upstream.answer)
            else:
                self.asked.append(request.raw)
                await side.send(self.answer)


async def test_an_upstream_that_fails_its_checks_is_left_out_until_it_answers_them(
    examples: Examples, tmp_path: Path
) -> None:
    sick = Sick()
    async with (
        recording_upstream(sick.talk) as one,
        recording_upstream() as other,
        serving(routed(examples, tmp_path, one, other, health_check=CHECK), tmp_path) as gateway,
    ):
        await until_only(gateway.port, other, one)
        sick.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        await until_both(gateway.port, one, other)
        assert b'"upstream_failing"' in gateway.log()
    assert sick.asked[0].startswith(b"GET /healthz?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % one.port)


async def test_one_that_hangs_up_on_its_checks_is_left_out_too(examples: Examples, tmp_path: Path) -> None:
    async def hang_up_on_checks(side: UpstreamSide) -> None:
        while (request := await side.request()) is not None and request.target == b"/orders/1":
            await side.send(side.upstream.answer)

    async with (
        recording_upstream(hang_up_on_checks) as one,
        recording_upstream() as other,
        serving(routed(examples, tmp_path, one, other, health_check=CHECK), tmp_path) as gateway,
    ):
        await until_only(gateway.port, other, one)


async def test_when_all_fail_requests_are_sent_all_the_same(examples: Examples, tmp_path: Path) -> None:
    sick = Sick()
    async with (
        recording_upstream(sick.talk) as one,
        serving(routed(examples, tmp_path, one, health_check=CHECK), tmp_path) as gateway,
    ):
        async with asyncio.timeout(30):
            while len(sick.asked) < 4:
                assert await ask(gateway.port) == 200


async def test_each_caller_stays_with_one_upstream_as_long_as_it_serves(examples: Examples, tmp_path: Path) -> None:
    async with (
        recording_upstream() as one,
        recording_upstream() as other,
        serving(routed(examples, tmp_path, one, other, sticky=True), tmp_path) as gateway,
    ):
        for shown in SHOWN:
            before = carried(one), carried(other)
            assert {await ask(gateway.port, shown) for _ in range(6)} == {200}
            assert sorted((carried(one) - before[0], carried(other) - before[1])) == [0, 6]


async def test_a_browser_stays_with_one_upstream_by_a_cookie_that_no_upstream_sees(
    examples: Examples, tmp_path: Path
) -> None:
    async with (
        recording_upstream() as one,
        recording_upstream() as other,
        serving(routed(examples, tmp_path, one, other, sticky="cookie", access="public"), tmp_path) as gateway,
    ):
        for _ in range(8):
            before = carried(one), carried(other)
            first = await exchange(gateway.port, get(b"/orders/1"))
            made = first.one(b"set-cookie")
            assert made is not None
            assert re.fullmatch(rb"gateway_upstream=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax", made)
            assert b"private" in (first.one(b"cache-control") or b"")
            cookie = b"Cookie: a=b; " + made.partition(b";")[0]
            for _ in range(5):
                assert (await exchange(gateway.port, get(b"/orders/1", cookie))).all(b"set-cookie") == []
            assert sorted((carried(one) - before[0], carried(other) - before[1])) == [0, 6]
        assert carried(one)
        assert carried(other)
        assert {request.one(b"cookie") for request in (*one.requests, *other.requests)} == {None, b"a=b"}


@pytest.mark.parametrize("value", [b"", b"x", b"A" * 32, b"0" * 33, b"../../etc", b'"' + b"0" * 32 + b'"'])
async def test_a_made_up_cookie_is_replaced(examples: Examples, tmp_path: Path, value: bytes) -> None:
    async with (
        recording_upstream() as one,
        serving(routed(examples, tmp_path, one, sticky="cookie", access="public"), tmp_path) as gateway,
    ):
        answer = await exchange(gateway.port, get(b"/orders/1", b"Cookie: gateway_upstream=" + value))
        assert len(answer.all(b"set-cookie")) == 1
        assert one.requests[0].all(b"cookie") == []


async def test_a_caller_whose_upstream_has_gone_is_served_by_another(examples: Examples, tmp_path: Path) -> None:
    async with recording_upstream() as gone:
        dead = gone.port
    async with recording_upstream() as one:
        settings = routed(examples, tmp_path, one, sticky=True)
        settings["routes"][0]["upstream"] = [f"http://127.0.0.1:{dead}", f"http://127.0.0.1:{one.port}"]
        async with serving(settings, tmp_path) as gateway:
            assert {await ask(gateway.port, shown) for shown in SHOWN for _ in range(3)} == {200}
