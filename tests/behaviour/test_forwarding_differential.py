"""The same exchange straight to the upstream and through the gateway: equal but for what we declare to change."""

from __future__ import annotations

import random

import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import RecordedRequest, UpstreamSide, recording_upstream

CHANGED = {b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"trailer", b"te", b"expect"}
"""Fields that belong to one connection: framing may differ, and hop-by-hop fields end here."""

BODIES = (b"", b"x", b"line\r\nline\n\x00\xff", bytes(range(256)) * 40)
FIELDS = (
    b"",
    b"Accept: a, b\r\naccept: c\r\nX-Odd-Case: \xe9\xff\r\nX-Empty:\r\n",
    b'Cookie: a=1; b="2"\r\nCookie: c=3\r\nConnection: close, x-gone\r\nX-Gone: 1\r\n',
    b'Range: bytes=0-1\r\nIf-None-Match: "e"\r\nAuthorization: Basic eDp5\r\nTE: trailers\r\n',
)
ANSWER_FIELDS = (
    b"",
    b"Set-Cookie: a=1\r\nset-cookie: b=2\r\nX-B: \xff\r\n",
    b'Content-Type: text/html\r\nContent-Encoding: gzip\r\nVary: *\r\nETag: W/"1"\r\nConnection: x-hop\r\nX-Hop: 1\r\n',
)
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
TARGETS = (b"/", b"/a/b.html?x=%20&y=/../", b"/%F0%9F%98%80/a%2Fb?", b"/~u/a+b,c=d:@!")
STATUSES = (b"200 OK", b"201 Created", b"204 No Content", b"301 Moved", b"304 Not Modified", b"404 ", b"500 Oh  No")


def chunked(body: bytes, generator: random.Random) -> bytes:
    framed, rest = b"", body
    while rest:
        size = generator.randint(1, len(rest))
        framed += b"%x\r\n%b\r\n" % (size, rest[:size])
        rest = rest[size:]
    return framed + b"0\r\n\r\n"


def request_bytes(generator: random.Random) -> bytes:
    method, body = generator.choice(METHODS), generator.choice(BODIES)
    head = (
        method + b" " + generator.choice(TARGETS) + b" HTTP/1.1\r\nHost: api.example.com\r\n" + generator.choice(FIELDS)
    )
    framing = generator.choice(["none", "length", "chunked"])
    if framing == "none" or method == b"HEAD":
        return head + b"\r\n"
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, generator)


def answer_bytes(generator: random.Random, *, to_head: bool) -> bytes:
    status, body = generator.choice(STATUSES), generator.choice(BODIES)
    head = b"HTTP/1.1 " + status + b"\r\n" + generator.choice(ANSWER_FIELDS)
    if status[:3] in {b"204", b"304"}:
        return head + b"\r\n"
    framing = generator.choice(["length", "chunked", "close"])
    if framing == "chunked" and not to_head:
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, generator)
    if framing == "close" and not to_head:
        return head + b"Connection: close\r\n\r\n" + body
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + (b"" if to_head else body)


def end_to_end(headers: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    named = {
        part.strip().lower() for name, value in headers if name.lower() == b"connection" for part in value.split(b",")
    }
    return [(name, value) for name, value in headers if name.lower() not in CHANGED | named]


def seen_by_upstream(request: RecordedRequest) -> object:
    fields = [field for field in end_to_end(request.headers) if field[0] not in {b"X-Request-Id", b"traceparent"}]
    return request.method, request.target, fields, request.body


def seen_by_caller(response: RawResponse) -> object:
    return response.status, response.reason, end_to_end(response.headers), response.body


@pytest.mark.parametrize("seed", range(6))
async def test_generated_exchanges_are_equal(seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311 - shapes of a test, no secret

    async def answer_and_close(side: UpstreamSide) -> None:
        await side.request()
        await side.send(side.upstream.answer)

    async with recording_upstream(answer_and_close) as upstream, carrying(route_to(upstream.port)) as front:
        for _ in range(50):
            request = request_bytes(generator)
            to_head = request.startswith(b"HEAD")
            upstream.answer = answer_bytes(generator, to_head=to_head)
            straight = await exchange(upstream.port, request, head=to_head)
            carried = await exchange(front.port, request, head=to_head)
            assert seen_by_caller(carried) == seen_by_caller(straight)
            through, direct = upstream.requests.pop(), upstream.requests.pop()
            assert seen_by_upstream(through) == seen_by_upstream(direct)
            assert not upstream.requests
