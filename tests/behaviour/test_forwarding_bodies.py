from __future__ import annotations

from tests.support.carrying import carrying, route_to
from tests.support.raw_http import exchange
from tests.support.recording_upstream import recording_upstream


async def test_a_get_is_carried() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        found = await exchange(front.port, b"GET /a?b=1 HTTP/1.1\r\nHost: h\r\nX-a: 1\r\n\r\n")
        assert (found.status, found.body) == (200, b"ok")
        (request,) = upstream.requests
        assert request.raw == b"GET /a?b=1 HTTP/1.1\r\nHost: h\r\nX-a: 1\r\n\r\n"


async def test_a_body_is_carried() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        found = await exchange(front.port, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
        assert found.status == 200
        assert upstream.requests[0].body == b"abc"
        found = await exchange(
            front.port, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        )
        assert found.status == 200
        assert upstream.requests[1].body == b"abc"
