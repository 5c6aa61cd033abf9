from __future__ import annotations

import pytest

from gateway.http1.header_block import HeaderBlock, read_block
from gateway.model.errors import MalformedError
from tests.support.garbage import no_garbage


def meaning(*lines: bytes) -> HeaderBlock:
    return read_block(b"".join(line + b"\r\n" for line in (*lines, b"")), 128)


def test_fields_are_kept_as_they_came_but_for_blanks_around_values() -> None:
    block = meaning(b"Host: a", b"X-a:b", b"x-A: \t\xe4 c\t d \t", b"Empty:", b"Blank: \t ")
    assert block.headers.raw == (
        (b"Host", b"a"),
        (b"X-a", b"b"),
        (b"x-A", b"\xe4 c\t d"),
        (b"Empty", b""),
        (b"Blank", b""),
    )
    assert meaning().headers.raw == ()


@pytest.mark.parametrize(
    ("lines", "chunked", "length"),
    [
        ((b"Content-Length: 12",), False, 12),
        ((b"Content-Length:0 \t",), False, 0),
        ((b"content-length: 999999999999999999",), False, 10**18 - 1),
        ((b"Transfer-Encoding: Chunked ",), True, 0),
    ],
)
def test_the_framing(lines: tuple[bytes, ...], chunked: bool, length: int) -> None:
    block = meaning(*lines)
    assert (block.chunked, block.length) == (chunked, length)


@pytest.mark.parametrize(
    ("lines", "closes", "stays"),
    [
        ((b"Connection: close",), True, False),
        ((b"Connection: Keep-Alive",), False, True),
        ((b"Connection: x , CLOSE", b"connection: keep-alive"), True, True),
        ((b"Connection: closed, keep-alive-not",), False, False),
        ((b"Keep-Alive: timeout=5",), False, False),
    ],
)
def test_what_is_said_of_the_connection(lines: tuple[bytes, ...], closes: bool, stays: bool) -> None:
    block = meaning(*lines)
    assert (block.closes, block.stays) == (closes, stays)


@pytest.mark.parametrize(
    ("lines", "upgrade"),
    [
        ((b"Connection: Upgrade", b"Upgrade: WebSocket"), True),
        ((b"Connection: keep-alive, uPGRADE", b"Upgrade: websocket", b"Content-Length: 0"), True),
        ((b"Upgrade: websocket",), False),
        ((b"Connection: Upgrade",), False),
        ((b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), False),
        ((b"Connection: Upgrade", b"Upgrade: websocket, h2c"), False),
        ((b"Connection: Upgrade", b"Upgrade: h2c", b"Upgrade: websocket"), False),
        ((b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: websocket"), False),
        ((b"Connection: Upgrade", b"Upgrade: websocket/13"), False),
        ((b"Connection: Upgrade", b"Upgrade: TLS/1.0"), False),
        ((b"Connection: Upgrade", b"Upgrade:"), False),
    ],
)
def test_only_a_websocket_handshake_is_an_upgrade(lines: tuple[bytes, ...], upgrade: bool) -> None:
    assert meaning(*lines).upgrade is upgrade
    assert meaning(*lines, b"X: y").headers.raw[-1] == (b"X", b"y")


def test_an_expectation_is_seen() -> None:
    assert meaning(b"Expect: 100-Continue", b"Content-Length: 3").expects
    assert not meaning(b"Content-Length: 3").expects


@pytest.mark.parametrize("name", [b"Content-Length", b"Host", b"Content-Type", b"User-Agent"])
def test_a_field_that_is_no_list_comes_once(name: bytes) -> None:
    with pytest.raises(MalformedError):
        meaning(name + b": 1", b"X: y", name.lower() + b": 1")


def test_the_number_of_fields_is_exact() -> None:
    raw = b"X: y\r\n" * 3 + b"\r\n"
    assert len(read_block(raw, 3).headers.raw) == 3
    with pytest.raises(MalformedError) as refused:
        read_block(raw, 2)
    assert refused.value.refusal.status == 431


def test_a_block_is_read_alike_whatever_was_read_before() -> None:
    before = (
        (b"Content-Length: 5",),
        (b"Transfer-Encoding: chunked",),
        (b"Connection: close",),
        (b"Connection: close", b"Content-Length: 0"),
        (b"Connection: upgrade", b"Upgrade: x"),
        (b"X y",),
        (b"X: y",),
    )
    for lines in before * 2:
        if lines == (b"X y",):
            with pytest.raises(MalformedError):
                meaning(*lines)
        else:
            assert len(meaning(*lines).headers.raw) == len(lines)


@pytest.mark.slow
def test_nothing_is_left_to_the_garbage_collector() -> None:
    with no_garbage():
        meaning(b"Content-Length: 5")
        meaning(b"Connection: close")
        with pytest.raises(MalformedError):
            meaning(b"X y")


@pytest.mark.parametrize(
    "line", [b"Proxy-Connection: close", b"proxy-connection: x, Close", b"Connection: close", b"Connection: upgrade"]
)
@pytest.mark.parametrize("upgrade", [(), (b"Upgrade: h2c",), (b"Content-Length: 0",), (b"Content-Length: 1",)])
def test_what_one_block_says_of_its_connection_is_nothing_to_the_next(line: bytes, upgrade: tuple[bytes, ...]) -> None:
    meaning(line, *upgrade)
    assert meaning(b"Host: a").headers.raw == ((b"Host", b"a"),)
