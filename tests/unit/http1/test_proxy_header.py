from __future__ import annotations

import socket

import pytest

from gateway.http1.proxy_header import ProxyHeaderError, ProxyHeaderReader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.1") + b"\x80\x00\x00\x50"
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::9") + bytes(16) + b"\x80\x00\x00\x50"
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.9") + bytes(16) + b"\x80\x00\x00\x50"
TLV = b"\x04\x00\x03abc"
BEHIND = b"GET / HTTP/1.1\r\n\r\n"


def block(command: int, family: int, rest: bytes, length: int | None = None) -> bytes:
    return SIGNATURE + bytes((command, family)) + (len(rest) if length is None else length).to_bytes(2, "big") + rest


READABLE = [
    (b"PROXY TCP4 192.0.2.9 192.0.2.1 32768 80\r\n", "192.0.2.9"),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
    (b"PROXY TCP6 2001:db8::9 2001:db8::1 0 80\r\n", "2001:db8::9"),
    (b"PROXY TCP6 2001:0DB8:0:0:0:0:0:9 ::1 1 80\r\n", "2001:db8::9"),
    (b"PROXY TCP6 ::ffff:192.0.2.9 ::ffff:192.0.2.1 1 80\r\n", "192.0.2.9"),
    (b"PROXY UNKNOWN\r\n", "unknown"),
    (b"PROXY UNKNOWN 192.0.2.9 192.0.2.1 1 80\r\n", "unknown"),
    (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", "unknown"),
    (block(0x21, 0x11, V4), "192.0.2.9"),
    (block(0x21, 0x11, V4 + TLV + b"\xff\xff"), "192.0.2.9"),
    (block(0x21, 0x21, V6), "2001:db8::9"),
    (block(0x21, 0x21, MAPPED + TLV * 200), "192.0.2.9"),
    (block(0x21, 0x12, V4), "unknown"),
    (block(0x21, 0x22, V6), "unknown"),
    (block(0x21, 0x31, bytes(216)), "unknown"),
    (block(0x21, 0x00, b""), "unknown"),
    (block(0x21, 0x00, TLV), "unknown"),
    (block(0x20, 0x00, b""), None),
    (block(0x20, 0x11, V4), None),
    (block(0x20, 0xFF, TLV), None),
]


@pytest.mark.parametrize(("header", "peer"), READABLE)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_header_is_read_in_any_pieces_and_nothing_behind_it(header: bytes, peer: str | None, size: int) -> None:
    reader = ProxyHeaderReader(32768)
    data, place = header + BEHIND, 0
    while reader.header is None:
        piece = data[place : place + size]
        assert piece
        place += reader.feed(piece)
    assert (reader.header.peer, data[place:]) == (peer, BEHIND)


NONE, LINE = "there is no PROXY header", "cannot be read"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", NONE),
        (b"\x16\x03\x01", NONE),
        (b"PROXYY", NONE),
        (b"proxy TCP4", NONE),
        (b"\r\n\r\nG", NONE),
        (b"\n", NONE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 1 80\n", LINE),
        (b"PROXY \r\n", LINE),
        (b"PROXY TCP4\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 1\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 1 80 \r\n", LINE),
        (b"PROXY TCP4  192.0.2.9 192.0.2.1 1 80\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9\t192.0.2.1 1 80\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 01 80\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 +1 80\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 1 80\r\r\n", LINE),
        (b"PROXY UDP4 192.0.2.9 192.0.2.1 1 80\r\n", LINE),
        (b"PROXY TCP6 fe80::1%eth0 ::1 1 80\r\n", LINE),
        (b"PROXY UNKNOWNX\r\n", LINE),
        (b"PROXY UNKNOWN a\rb\r\n", LINE),
        (b"PROXY TCP4 192.0.2.9 192.0.2.1 1 65536\r\n", "port"),
        (b"PROXY TCP4 192.0.2.256 192.0.2.1 1 80\r\n", "address"),
        (b"PROXY TCP4 192.0.2.09 192.0.2.1 1 80\r\n", "address"),
        (b"PROXY TCP4 2001:db8::9 192.0.2.1 1 80\r\n", "address"),
        (b"PROXY TCP4 192.0.2.9 2001:db8::1 1 80\r\n", "address"),
        (b"PROXY TCP6 192.0.2.9 ::1 1 80\r\n", "address"),
        (b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n", "longer than 107 bytes"),
        (b"PROXY UNKNOWN " + b"f" * 93, "longer than 107 bytes"),
        (block(0x11, 0x11, V4), "version or command"),
        (block(0x22, 0x11, V4), "version or command"),
        (block(0x31, 0x11, V4), "version or command"),
        (block(0x21, 0x13, V4), "family or transport"),
        (block(0x21, 0x41, V4), "family or transport"),
        (block(0x21, 0x10, V4), "family or transport"),
        (block(0x21, 0x11, V4[:-1]), "too short"),
        (block(0x21, 0x11, b""), "too short"),
        (block(0x21, 0x21, V4), "too short"),
        (block(0x21, 0x31, bytes(215)), "too short"),
        (block(0x21, 0x11, b"", length=32753), "limits.head_bytes"),
        (block(0x20, 0x00, b"", length=65535), "limits.head_bytes"),
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
def test_what_is_no_header_is_told_at_once(data: bytes, why: str, size: int) -> None:
    reader = ProxyHeaderReader(32768)

    def feed() -> None:
        place = 0
        while place < len(data):
            place += reader.feed(data[place : place + size])

    with pytest.raises(ProxyHeaderError, match=why):
        feed()
    assert reader.header is None


def test_the_bound_is_exact() -> None:
    header = block(0x21, 0x11, V4 + bytes(100))
    assert ProxyHeaderReader(len(header)).feed(header) == len(header)
    with pytest.raises(ProxyHeaderError, match=r"limits\.head_bytes"):
        ProxyHeaderReader(len(header) - 1).feed(header[:16])
