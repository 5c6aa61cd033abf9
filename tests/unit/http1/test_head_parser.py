from __future__ import annotations

import pytest

from gateway.http1.block_memory import BlockMemory, SharedBlocks
from gateway.http1.head_parser import HeadLimits, parse_head
from gateway.model.errors import MalformedError

WEBSOCKET = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


def parse(line: bytes, fields: bytes = b"Host: a\r\n", limits: HeadLimits | None = None) -> tuple[object, ...]:
    head = parse_head(line + b"\r\n" + fields + b"\r\n", limits or HeadLimits(), BlockMemory(SharedBlocks(0)))
    return head.method, head.target, head.version, head.keep_alive, head.upgrade


@pytest.mark.parametrize("method", ["GET", "get", "PROPFIND", "VERSION-CONTROL", "TRACE", "X!#$%&'*+-.^_`|~9"])
def test_a_method_is_any_token(method: str) -> None:
    assert parse(method.encode() + b" / HTTP/1.1") == (method, "/", (1, 1), True, False)


@pytest.mark.parametrize("line", [b"G(T / HTTP/1.1", b"G\xc3\x89T / HTTP/1.1", b" / HTTP/1.1", b"G:T / HTTP/1.1"])
def test_what_is_no_token_is_no_method(line: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(line)


def test_a_target_is_kept_as_it_came() -> None:
    assert parse(b"GET /%2f/../a?b#c HTTP/1.1")[1] == "/%2f/../a?b#c"
    assert parse(b"GET http://b/ HTTP/1.1")[1] == "http://b/"
    assert parse(b"GET /\xc3\xa9\xff HTTP/1.1")[1] == "/\xe9\udcff"


def test_the_length_of_a_target_is_exact() -> None:
    limits = HeadLimits(target_bytes=10)
    assert parse(b"GET /" + b"a" * 9 + b" HTTP/1.1", limits=limits)[0] == "GET"
    with pytest.raises(MalformedError) as refused:
        parse(b"GET /" + b"a" * 10 + b" HTTP/1.1", limits=limits)
    assert refused.value.refusal.status == 414


@pytest.mark.parametrize(
    ("version", "fields", "keep_alive"),
    [
        (b"1.1", b"Host: a\r\n", True),
        (b"1.1", b"Host: a\r\nConnection: close\r\n", False),
        (b"1.1", b"Host: a\r\nConnection: close, keep-alive\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
        (b"1.0", b"Connection: keep-alive\r\nConnection: close\r\n", False),
    ],
)
def test_whether_the_connection_stays(version: bytes, fields: bytes, keep_alive: bool) -> None:
    assert parse(b"GET / HTTP/" + version, fields)[3] is keep_alive


def test_http_1_1_has_one_host_and_http_1_0_at_most_one() -> None:
    assert parse(b"GET / HTTP/1.0", b"")[0] == "GET"
    for version, fields in ((b"1.1", b""), (b"1.1", b"Host: a\r\nhost: a\r\n"), (b"1.0", b"Host: a\r\nHost: b\r\n")):
        with pytest.raises(MalformedError):
            parse(b"GET / HTTP/" + version, fields)


@pytest.mark.parametrize("fields", [WEBSOCKET, WEBSOCKET + b"Content-Length: 0\r\n"])
def test_a_websocket_handshake_is_get_over_http_1_1(fields: bytes) -> None:
    assert parse(b"GET / HTTP/1.1", fields)[4] is True
    assert parse(b"GET / HTTP/1.0", fields)[4] is False
    for method in (b"POST", b"OPTIONS", b"get"):
        with pytest.raises(MalformedError):
            parse(method + b" / HTTP/1.1", fields)


@pytest.mark.parametrize("body", [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_websocket_handshake_has_no_body(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(b"GET / HTTP/1.1", WEBSOCKET + body)


@pytest.mark.parametrize("offer", [b"h2c", b"TLS/1.0", b"foo/1", b"websocket, h2c", b""])
@pytest.mark.parametrize("connection", [b"", b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_offer_is_an_ordinary_request(offer: bytes, connection: bytes, method: str) -> None:
    line = method.encode() + b" / HTTP/1.1\r\nHost: a\r\n"
    head = parse_head(
        line + connection + b"Upgrade: " + offer + b"\r\nContent-Length: 3\r\n\r\n",
        HeadLimits(),
        BlockMemory(SharedBlocks(0)),
    )
    assert (head.upgrade, head.keep_alive, head.block.length) == (False, True, 3)
