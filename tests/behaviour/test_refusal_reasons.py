"""Every refusal says why: a row has the bytes that are sent, and what the caller and the access line are told."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.serving import Gateway, serving
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = b" HTTP/1.1\r\nHost: h.test\r\n"
GET = b"GET /public/a?secret=1" + HEAD
SEEN = {"method": "GET", "path": "/public/a", "host": "h.test"}
MALFORMED = {"status": 400, "reason": "malformed_request"}


@dataclass(frozen=True)
class Refused:
    """What is sent, the detail that tells why, and other fields of the access line; `told`: callers hear it too."""

    sent: bytes
    detail: str
    fields: dict[str, Any]
    told: bool = True


def unread(detail: str, sent: bytes, **fields: Any) -> Refused:
    """What is no request: neither a route nor an own path is looked for."""
    return Refused(sent, detail, {"endpoint": "front", **MALFORMED, **fields})


def head(detail: str, more: bytes, **fields: Any) -> Refused:
    """A head that is refused for its fields."""
    return unread(detail, GET + more + b"\r\n", **{**SEEN, **fields})


def large(detail: str, more: bytes) -> Refused:
    return unread(detail, GET + more, **SEEN, status=431, reason="headers_too_large")


def target(detail: str, raw: bytes, path: str, **fields: Any) -> Refused:
    seen = {"method": "GET", "path": path, "host": "h.test"}
    return Refused(b"GET " + raw + HEAD + b"\r\n", detail, {**MALFORMED, **seen, **fields})


def elsewhere(detail: str, method: str, path: str, *, told: bool = False, **fields: Any) -> Refused:
    """What is refused with a status that may say it all."""
    sent = f"{method} {path}".encode() + HEAD + b"\r\n"
    return Refused(sent, detail, {"method": method, "path": path, "host": "h.test", **fields}, told=told)


def body(detail: str, sent: bytes, **fields: Any) -> Refused:
    route = {"endpoint": "proxy", "method": "POST", "path": "/small/", "host": "h.test", "route": "small"}
    allowed = {"decision": "allowed"}  # its route lets it pass; it is the body that does not
    return Refused(b"POST /small/" + HEAD + sent, detail, {**MALFORMED, **route, **allowed, **fields})


NO_LINE = "the request line is not one of HTTP/1.1"
NO_PROXY = "a PROXY header, which is read from trusted proxies alone, where listen.proxy_protocol says so"
NOT_CARRIED, IN_ANOTHER_CASE = "a method that is never carried", "a known method in another case"
NOT_HERE = "a method that this path does not have"
LONG = {"status": 414, "reason": "uri_too_long"}
LARGE = {"status": 413, "reason": "payload_too_large"}
NOT_FOUND = {"status": 404, "reason": "not_found"}
NOT_ALLOWED = {"status": 405, "reason": "method_not_allowed"}
NOT_IMPLEMENTED = {"status": 501, "reason": "not_implemented"}
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

TABLE = [
    unread("a control character, or half a line end, in the head", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    unread("a control character, or half a line end, in the head", b"GET /a HTTP/1.1\nHost: h\n\n", path="/a"),
    unread(NO_LINE, b"GET /a\r\n\r\n", method="GET", path="/a"),
    unread(NO_LINE, b"<script>\r\n\r\n", method="", path=""),
    unread("the version is not HTTP/1.0 or HTTP/1.1", b"GET /a HTTP/2.0\r\nHost: h.test\r\n\r\n", path="/a"),
    unread(NO_PROXY, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
    unread(NO_PROXY, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c"),
    unread("HTTP/1.1 without a Host field", b"GET /public/a HTTP/1.1\r\n\r\n", path="/public/a"),
    unread(
        "the target is longer than limits.target_bytes",
        b"GET /" + b"x" * 2000 + HEAD + b"\r\n",
        **LONG,
        method="GET",
        path="/" + "x" * 1023,
        host="h.test",
    ),
    large("the head is larger than limits.head_bytes", b"X: " + b"y" * 5000),
    large("the head has more fields than limits.headers", b"X: y\r\n" * 40 + b"\r\n"),
    large("the head has more cookies than limits.cookies", b"Cookie: " + b"a=b;" * 30 + b"\r\n\r\n"),
    head("a field name holds a blank", b"X-A : b\r\n"),
    head("a field line is folded", b"X-A: a\r\n b\r\n"),
    head("a field line has no colon", b"nothing\r\n"),
    head("a field has no name", b": b\r\n"),
    head("a field name holds a character that none may hold", b"X(A): b\r\n"),
    head("more than one host field", b"Host: h.test\r\n", host=""),
    head("more than one content-length field", b"Content-Length: 1\r\nContent-Length: 1\r\n"),
    head("a length beside a transfer coding", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
    head("a length that is no number", b"Content-Length: +1\r\n"),
    head("a length with a leading zero", b"Content-Length: 01\r\n"),
    head("a transfer coding that is not chunked alone", b"Transfer-Encoding: gzip\r\n"),
    head("an expectation that is not 100-continue", b"Expect: 200-maybe\r\n"),
    Refused(
        b"GET /public/a HTTP/1.1\r\nHost: a@b\r\n\r\n",
        "the Host field is not a host name with an optional port",
        {**MALFORMED, "method": "GET", "path": "/public/a", "host": ""},
    ),
    target("the path holds an empty segment", b"/public//a", "/public//a"),
    target("the path holds a dot segment", b"/public/%2e%2e/a", "/public/%2e%2e/a"),
    target("the path holds a broken percent-escape", b"/public/%zz", "/public/%zz"),
    target("the path has parameters, and no route here allows them", b"/public/a;b", "/public/a;b", route="public"),
    target("the target names another host or scheme", b"http://other.test/a", "http://other.test/a"),
    elsewhere(NOT_CARRIED, "TRACE", "/public/a", told=True, **NOT_ALLOWED),
    elsewhere(IN_ANOTHER_CASE, "get", "/public/a", told=True, **NOT_IMPLEMENTED),
    elsewhere(NOT_HERE, "PUT", "/_gateway/openapi.json", **NOT_ALLOWED, endpoint="openapi"),
    elsewhere(NOT_HERE, "PUT", "/_gateway/session", **NOT_ALLOWED, endpoint="session"),
    elsewhere("no route", "GET", "/nowhere", **NOT_FOUND, rule="match"),
    elsewhere("no own path", "GET", "/_gateway/nowhere", **NOT_FOUND, endpoint="front"),
    body("the body is larger than body_bytes", b"Content-Length: 11\r\n\r\n", **LARGE),
    body("the body is larger than body_bytes", CHUNKED + b"b\r\n01234567890\r\n0\r\n\r\n", **LARGE),
    body("a chunk's size or line end cannot be read", CHUNKED + b"<script>\r\n"),
    body("a trailer that speaks of framing or routing", CHUNKED + b"0\r\nHost: evil\r\n\r\n"),
]


async def garble(side: UpstreamSide) -> None:
    while await side.request() is not None:
        await side.send(b"SSH-2.0-OpenSSH_9.2p1 <script>\r\n\r\n")


async def say_nothing(side: UpstreamSide) -> None:
    await side.head()
    await side.closed()


@dataclass(frozen=True)
class Stand:
    """A gateway in front of an upstream that answers, one that garbles, one that says nothing, and a closed port."""

    gateway: Gateway
    garbling: int
    silent: int
    closed: int

    def last_line(self) -> dict[str, Any]:
        lines = (json.loads(line) for line in self.gateway.log().splitlines())
        found: dict[str, Any] = [line for line in lines if line["log"] == "access"][-1]
        return found


def route(name: str, port: int, **more: Any) -> dict[str, Any]:
    match = {"path": f"/{name}/"}
    return {"name": name, "match": match, "access": "public", "upstream": f"http://127.0.0.1:{port}", **more}


def config(*routes: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "listen": {"public": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        "secret": "a-secret-of-the-tests-that-is-long-enough",
        "routes": list(routes),
        **sections,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    limits = {"head_bytes": 4096, "headers": 32, "target_bytes": 1500, "cookies": 16}
    async with (
        recording_upstream() as well,
        recording_upstream(garble) as garbling,
        recording_upstream(say_nothing) as silent,
    ):
        routes = (
            route("public", well.port),
            route("small", well.port, body_bytes=10),
            route("closed", closed),
            route("garbling", garbling.port),
            route("silent", silent.port, timeouts={"response": "50ms"}),
        )
        folder = tmp_path_factory.mktemp("refusing")
        async with serving(config(*routes, limits=limits), folder) as gateway:
            yield Stand(gateway, garbling.port, silent.port, closed)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.fields['status']} {row.detail[:40]} {row.sent[:16]!r}")
async def test_a_refusal_says_why(stand: Stand, row: Refused) -> None:
    async with raw_client(stand.gateway.port) as client:
        await client.send(row.sent)
        response = await client.response()
    line = stand.last_line()
    error = response.json()["error"]
    assert {"client": "127.0.0.1", "detail": row.detail, **row.fields} == {
        name: line.get(name, "") for name in ("client", "detail", *row.fields)
    }
    assert (response.status, error["code"], error["request_id"]) == (line["status"], line["reason"], line["request_id"])
    assert line["decision"] == row.fields.get("decision", "refused")
    assert error["message"].endswith(f": {row.detail}.") is row.told
    assert "script" not in line["detail"] + error["message"]
    assert b"secret=1" not in stand.gateway.log()


@pytest.mark.parametrize(
    ("name", "status", "reason", "detail", "fault"),
    [
        ("closed", 502, "bad_gateway", "connect refused", "connect refused"),
        ("garbling", 502, "bad_gateway", "", "bad response"),
        ("silent", 504, "upstream_timeout", "response timeout", "response timeout"),
    ],
)
async def test_an_upstream_that_does_not_answer_is_named(
    stand: Stand, name: str, status: int, reason: str, detail: str, fault: str
) -> None:
    response = await exchange(stand.gateway.port, b"GET /%b/a" % name.encode() + HEAD + b"\r\n")
    line = stand.last_line()
    assert (response.status, line["status"]) == (status, status)
    assert (line["reason"], line["fault"], line["route"], line["path"]) == (reason, fault, name, f"/{name}/a")
    assert line["upstream"] == f"http://127.0.0.1:{getattr(stand, name)}"
    assert line["detail"]
    assert detail in line["detail"]
    assert "script" not in line["detail"]
    assert line["detail"] not in response.json()["error"]["message"]  # addresses are ours


async def test_what_comes_too_late_says_which_time_it_had(tmp_path: Path) -> None:
    limits = {"head_timeout": "500ms", "body_stall": "50ms"}  # before a head, a busy machine may pause
    async with (
        recording_upstream() as upstream,
        serving(config(route("public", upstream.port), limits=limits), tmp_path) as gateway,
    ):
        stand = Stand(gateway, 0, 0, 0)
        for sent, detail, route_name in (
            (GET + b"X-A: b\r\n", "the head did not come within limits.head_timeout", ""),
            (
                b"POST /public/a" + HEAD + b"Content-Length: 3\r\n\r\na",
                "nothing of the body came for limits.body_stall",
                "public",
            ),
        ):
            response = await exchange(gateway.port, sent)
            line = stand.last_line()
            assert (response.status, line["status"], line["reason"]) == (408, 408, "request_timeout")
            assert (line["detail"], line["path"], line["host"]) == (detail, "/public/a", "h.test")
            assert line.get("route", "") == route_name
            assert detail in response.json()["error"]["message"]


async def test_a_place_that_there_is_not_is_named(tmp_path: Path) -> None:
    async with recording_upstream(say_nothing) as upstream:
        pool = {"connections": 1, "queue": 0}
        settings = config(route("public", upstream.port), upstreams=pool, limits={"connections": 2})
        async with serving(settings, tmp_path) as gateway, raw_client(gateway.port) as first:
            await first.send(GET + b"\r\n")
            await upstream.arrived.wait()
            async with raw_client(gateway.port) as second:
                await second.send(GET + b"\r\n")
                assert (await second.response()).status == 503
                line = Stand(gateway, 0, 0, 0).last_line()
                assert (line["reason"], line["fault"], line["route"]) == ("unavailable", "queue full", "public")
                assert line["upstream"] == f"http://127.0.0.1:{upstream.port}"
                async with raw_client(gateway.port) as third:
                    assert (await third.response()).status == 503
                line = Stand(gateway, 0, 0, 0).last_line()
                assert (line["reason"], line["detail"]) == ("unavailable", "limits.connections")
                assert (line["client"], line.get("path", "")) == ("127.0.0.1", "")
