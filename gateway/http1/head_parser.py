"""A request's head out of its bytes: the request line, which is read here, and the header block."""

from __future__ import annotations

import re

import msgspec

from gateway.http1.block_memory import NO_NAMES, BlockMemory, NamingFields, take_names
from gateway.http1.header_block import MOST_COOKIES, HeaderBlock
from gateway.http1.malformed import malformed
from gateway.model.errors import MalformedError
from gateway.model.refusal import RefusalCode, mistake

_LINE_END = b"\r\n"
_HTTP_1_1 = (1, 1)
_VERSIONS = {b"1.0": (1, 0), b"1.1": _HTTP_1_1}
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 section 5.6.2
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([^\x00-\x20\x7f]+) HTTP/([0-9]\.[0-9])\r\n")


PROXY_HEADER = "a PROXY header, which is read from trusted proxies alone, where listen.proxy_protocol says so"

PROXY_BEGINS = (b"PROXY ", b"\0\r\nQUIT\n")
"""How a PROXY header begins; of version 2, behind what is two empty lines here."""


class HeadLimits(msgspec.Struct, frozen=True):
    """What one request's head may be: bytes in all, empty lines before it included; fields; its target; cookies."""

    head_bytes: int = 32768
    headers: int = 128
    target_bytes: int = 8192
    cookies: int = MOST_COOKIES


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """One request without its body.

    `target` is as it came; bytes that are no UTF-8 are lone surrogates. `keep_alive` tells whether another request may
    follow (RFC 9112 section 9.3). `upgrade` tells that it is a WebSocket handshake; any other offer to change the
    protocol is ignored (RFC 9110 section 7.8). `names` are the fields that name the request and its trace; they are
    not among the block's.
    """

    method: str
    target: str
    version: tuple[int, int]
    block: HeaderBlock
    keep_alive: bool
    upgrade: bool
    names: NamingFields = NO_NAMES


def parse_head(raw: bytes, limits: HeadLimits, memory: BlockMemory[RequestHead]) -> RequestHead:
    """Read a whole head, from the request line to the empty line; raises MalformedError."""
    known = memory.head(raw)
    if known is not None:
        return known
    method, target, version, end = parse_line(raw, limits)
    lines, names, count = take_names(raw[end - len(_LINE_END) :])
    block = memory.read(lines[len(_LINE_END) :], limits.headers - count, limits.cookies)
    if version == _HTTP_1_1:
        if b"host" not in block.headers.by_name:
            raise malformed("HTTP/1.1 without a Host field")  # RFC 9112 section 3.2
        keep_alive, upgrade = not block.closes, block.upgrade
        if upgrade and (method != "GET" or block.chunked or block.length):
            # After a 101, whatever was taken for a body would be the tunnel's.
            raise malformed("a WebSocket handshake that is not GET, or has a body")
    else:
        keep_alive, upgrade = block.stays and not block.closes, False
        if block.chunked:
            raise malformed("a transfer coding in HTTP/1.0")  # RFC 9112 section 6.1: faulty framing
    head = RequestHead(method, target, version, block, keep_alive, upgrade, names)
    memory.keep_head(raw, head, block)
    return head


def parse_line(raw: bytes, limits: HeadLimits) -> tuple[str, str, tuple[int, int], int]:
    """Read a request line (RFC 9112 section 3); return method, target, version and the place behind it."""
    line = _REQUEST_LINE.match(raw)
    if line is None:
        raise malformed(PROXY_HEADER if raw.startswith(PROXY_BEGINS) else "the request line is not one of HTTP/1.1")
    method, target, version = line.groups()
    if len(target) > limits.target_bytes:
        raise target_too_long()
    known = _VERSIONS.get(version)
    if known is None:
        raise malformed("the version is not HTTP/1.0 or HTTP/1.1")
    return method.decode("ascii"), target.decode("utf-8", "surrogateescape"), known, line.end()


def target_too_long() -> MalformedError:
    """Return the error for a target over `limits.target_bytes`."""
    return MalformedError(mistake(RefusalCode.TARGET_TOO_LONG, "the target is longer than limits.target_bytes"))
