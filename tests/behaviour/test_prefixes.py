"""Prefixes that are taken off and base paths that are put before, through sockets: what each side is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import Examples, Gateway, config, serving
from tests.support.servers.recording_upstream import RecordedRequest, RecordingUpstream, recording_upstream

TOLD = (
    b"X-Forwarded-Prefix: /outer",
    b"X-Forwarded-Port: 8443",
    b"X-Real-IP: 203.0.113.7",
    b"Forwarded: for=203.0.113.7;proto=https;host=api.test",
)


class Both:
    """A gateway with one route for everything, and its upstream."""

    def __init__(self, gateway: Gateway, upstream: RecordingUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream

    async def ask(self, target: bytes, *fields: bytes) -> RecordedRequest:
        """Return what the upstream gets of a request."""
        assert (await self.answer(target, *fields)).status in {200, 302}
        return self.upstream.requests[-1]

    async def answer(self, target: bytes, *fields: bytes) -> RawResponse:
        lines = (b"GET " + target + b" HTTP/1.1", b"Host: api.test", b"Connection: close", *fields, b"", b"")
        return await exchange(self.gateway.port, b"\r\n".join(lines))

    def say(self, *fields: bytes, status: bytes = b"302 Found") -> None:
        """Have the upstream answer with these fields."""
        self.upstream.answer = b"\r\n".join((b"HTTP/1.1 " + status, *fields, b"Content-Length: 0", b"", b""))


@asynccontextmanager
async def behind(
    examples: Examples, folder: Path, *, base: str = "", trusted: bool = False, **keys: Any
) -> AsyncIterator[Both]:
    async with recording_upstream() as upstream:
        route = {"name": "all", "match": {"path": keys.get("strip_prefix", "") + "/"}, "access": "public"}
        routes = [{**route, "upstream": f"http://127.0.0.1:{upstream.port}{base}", **keys}]
        sections = {"trusted_proxies": ["127.0.0.0/8"]} if trusted else {}
        settings = config(upstream.port, examples.settings(folder), routes=routes, **sections)
        async with serving(settings, folder) as gateway:
            yield Both(gateway, upstream)


async def test_a_prefix_that_is_taken_off_is_told(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path, strip_prefix="/orders") as both:
        for target, sent in ((b"/orders/a?b=/c", b"/a?b=/c"), (b"/orders", b"/"), (b"/orders/", b"/")):
            got = await both.ask(target, b"X-Forwarded-Prefix: /forged", b"x_forwarded_prefix: /forged")
            assert (got.target, got.all(b"x-forwarded-prefix")) == (sent, [b"/orders"])
            assert got.all(b"x_forwarded_prefix") == []


async def test_where_none_is_taken_off_none_is_told(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path) as both:
        assert (await both.ask(b"/a", *TOLD)).all(b"x-forwarded-prefix") == []


async def test_a_base_path_stands_before_what_is_sent(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path, base="/app/v1/", strip_prefix="/orders") as both:
        for target, sent in (
            (b"/orders/a?b", b"/app/v1/a?b"),
            (b"/orders", b"/app/v1/"),
            (b"/orders/%2f", b"/app/v1/"),
        ):
            response = await both.answer(target)
            if response.status == 200:
                assert both.upstream.requests[-1].target == sent
        assert both.upstream.requests[0].all(b"x-forwarded-prefix") == [b"/orders"]
        assert both.upstream.requests[0].all(b"host") == [b"api.test"]
        for target in (b"/orders/../x", b"/orders/%2e%2e/x", b"/orders/..%2fx", b"/orders//x"):
            assert (await both.answer(target)).status == 400
        assert len(both.upstream.requests) == 2


async def test_each_of_several_upstreams_has_its_own_base_path(examples: Examples, tmp_path: Path) -> None:
    async with recording_upstream() as one, recording_upstream() as other:
        urls = [
            f"http://127.0.0.1:{one.port}/one",
            f"http://127.0.0.1:{other.port}/other/",
            f"http://127.0.0.1:{one.port}",
        ]
        routes = [{"name": "all", "match": {"path": "/x/"}, "access": "public", "strip_prefix": "/x", "upstream": urls}]
        async with serving(config(one.port, examples.settings(tmp_path), routes=routes), tmp_path) as gateway:
            both = Both(gateway, one)
            for _ in range(6):
                assert (await both.answer(b"/x/a")).status == 200
        assert {each.target for each in one.requests} == {b"/one/a", b"/a"}
        assert {each.target for each in other.requests} == {b"/other/a"}
        assert len(other.requests) == 2


async def test_what_a_trusted_proxy_said_goes_on(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path, trusted=True, strip_prefix="/orders") as both:
        got = await both.ask(b"/orders/a", *TOLD)
        assert got.all(b"x-forwarded-prefix") == [b"/outer/orders"]
        assert got.all(b"x-forwarded-port") == [b"8443"]
        assert got.all(b"x-real-ip") == [b"203.0.113.7"]
        assert got.all(b"forwarded") == [b"for=203.0.113.7;proto=https;host=api.test"]
        got = await both.ask(b"/orders/a", b"X-Forwarded-Prefix: /a/, /b", b"X-Forwarded-Prefix: /c")
        assert got.all(b"x-forwarded-prefix") == [b"/a/b/c/orders"]
        # equal fields, another path: nothing of the one is remembered for the other
        assert (await both.ask(b"/orders", *TOLD)).all(b"x-forwarded-prefix") == [b"/outer/orders"]


async def test_what_anybody_else_said_never_arrives(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path) as both:
        got = await both.ask(b"/a", *TOLD, b"X_Real_IP: 6.6.6.6", b"x.forwarded.port: 1", b"FORWARDED: for=6.6.6.6")
        for name in (b"x-forwarded-prefix", b"x-forwarded-port", b"x-real-ip", b"forwarded"):
            assert got.all(name) == []
        assert b"6.6.6.6" not in got.raw
        assert b"203.0.113.7" not in got.raw


@pytest.mark.parametrize(
    "field",
    [
        *(b"X-Forwarded-Prefix: //evil.test", b"X-Forwarded-Prefix: /a/../b", b"X-Forwarded-Prefix: /a;b"),
        *(b"X-Forwarded-Prefix: /a\\b", b"X-Forwarded-Prefix: http://evil.test", b"X-Forwarded-Prefix: /a?b"),
        *(
            b"X-Forwarded-Prefix: /a#b",
            b"X-Forwarded-Prefix: /a b",
            b"X-Forwarded-Prefix: /a, //b",
            b"X-Forwarded-Prefix: /",
        ),
        *(
            b"X-Forwarded-Prefix: a",
            b"X-Forwarded-Prefix: /a, b",
            b"X-Forwarded-Prefix: /%2e%2e",
            b"X-Forwarded-Prefix: /\xff",
            b"X-Forwarded-Prefix: ,",
        ),
        *(b"X-Forwarded-Port: 0", b"X-Forwarded-Port: x", b"X-Forwarded-Port: 443;x", b"X-Forwarded-Port:"),
        *(b"X-Real-IP: x", b"X-Real-IP: 1.2.3.4, 5.6.7.8", b"X-Real-IP: fe80::1%eth0", b"X-Real-IP: 1.2.3.4:99999"),
        *(
            b"Forwarded: host=evil.test",
            b'Forwarded: for=a;HOST="evil.test"',
            b"Forwarded: host=api.test, host=evil.test",
        ),
        *(b'Forwarded: for="x;host=evil.test"', b'Forwarded: host="api\\.test"', b"Forwarded: host = evil.test"),
        *(b"Forwarded: host=api.test:x", b"Forwarded: host=", b"Forwarded: by=a, for=b;xhost=evil.test"),
    ],
)
async def test_what_a_trusted_proxy_cannot_mean_is_not_believed(trusting: Both, field: bytes) -> None:
    got = await trusting.ask(b"/a", field)
    assert got.all(field.partition(b":")[0]) == []


@pytest.mark.parametrize(
    "field", [b"Forwarded: for=_hidden", b'Forwarded: host="API.test:80";by=x', b"X-Forwarded-Port: 80, 443"]
)
async def test_what_it_can_mean_goes_on_as_it_came(trusting: Both, field: bytes) -> None:
    name, _, value = field.partition(b": ")
    assert (await trusting.ask(b"/a", field)).all(name) == [value]


@pytest.fixture
async def trusting(examples: Examples, tmp_path: Path) -> AsyncIterator[Both]:
    async with behind(examples, tmp_path, trusted=True) as both:
        yield both


async def test_an_answers_own_paths_are_put_right_by_the_routes_leave(examples: Examples, tmp_path: Path) -> None:
    async with behind(
        examples, tmp_path, strip_prefix="/orders", rewrite_paths=True, base="/app", trusted=True
    ) as both:
        own = b"http://127.0.0.1:%d/app/x?y" % both.upstream.port
        for location, public in (
            *((own, b"/orders/x?y"), (b"/app/x", b"/orders/x"), (b"http://api.test/app/x", b"/orders/x")),
            *((b"/x", b"/x"), (b"x", b"x"), (b"//evil.test/app/", b"//evil.test/app/"), (b"/app/../x", b"/app/../x")),
            *((b"http://evil.test/app/x", b"http://evil.test/app/x"), (b"/app//evil.test", b"/orders//evil.test")),
        ):
            both.say(b"location: " + location, b"Set-Cookie: s=1; Path=/app; HttpOnly", b"X-Other: /app/x")
            answer = await both.answer(b"/orders/a")
            assert answer.all(b"location") == [public]
            assert answer.all(b"set-cookie") == [b"s=1; Path=/orders; HttpOnly"]
            assert answer.all(b"x-other") == [b"/app/x"]
        both.say(b"Location: /app/x", b"Set-Cookie: a=1; Path=/", b"Set-Cookie: __Host-b=1; Path=/; Secure")
        answer = await both.answer(b"/orders/a", b"X-Forwarded-Prefix: /outer")
        assert answer.all(b"location") == [b"/outer/orders/x"]
        assert answer.all(b"set-cookie") == [b"a=1; Path=/outer/orders", b"__Host-b=1; Path=/; Secure"]


async def test_without_it_an_answer_goes_on_as_it_came(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path, strip_prefix="/orders") as both:
        both.say(b"Location: /x", b"Set-Cookie: s=1; Path=/")
        answer = await both.answer(b"/orders/a")
        assert (answer.all(b"location"), answer.all(b"set-cookie")) == ([b"/x"], [b"s=1; Path=/"])


async def test_no_base_path_makes_an_open_redirect(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path, base="/app", rewrite_paths=True) as both:
        for location in (b"/app//evil.test", b"/app/.//evil.test", b"/app/a/..//evil.test", b"/app/\\evil.test"):
            both.say(b"Location: " + location)
            assert (await both.answer(b"/a")).all(b"location") == [location]


async def test_a_broken_line_in_a_place_is_no_second_field(examples: Examples, tmp_path: Path) -> None:
    async with behind(examples, tmp_path, strip_prefix="/orders", rewrite_paths=True) as both:
        for end in (b"\r", b"\n", b"\x00", b"\r\n "):
            both.say(b"Location: /x" + end + b"Set-Cookie: evil=1; Path=/" + end + b"X")
            answer = await both.answer(b"/orders/a")
            assert (answer.status, answer.all(b"set-cookie")) == (502, [])
