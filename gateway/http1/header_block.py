"""The field lines of a request's head, and what they say about its framing and its connection.

A block's meaning depends on its own bytes alone: llhttp reads it behind a request line of ours, so that neither the
method nor the target can change it, and equal blocks may share what was made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import httptools
import msgspec

from gateway.http1.block_faults import fault_of_block
from gateway.http1.malformed import malformed
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.memo import FieldNameMemo
from gateway.model.refusal import RefusalCode, mistake

_LINE = b"GET / HTTP/1.1\r\n"
_MEANINGFUL = frozenset({b"transfer-encoding", b"content-length", b"expect", b"connection"})
_SINGLE = frozenset(
    {
        b"content-length",
        b"content-location",
        b"content-range",
        b"content-type",
        b"etag",
        b"host",
        b"max-forwards",
        b"server",
        b"transfer-encoding",
        b"user-agent",
    }
)
"""Fields that are no lists (RFC 9110 section 5.3): of two lines, one server takes the first, another the last."""
MOST_COOKIES = 512
"""Pairs of a request's cookies: browsers keep 180 to 600 for a site. Each is looked at, and 32 KB of `;` were 15 ms."""
_LONGEST_LENGTH = 18  # digits: more than any disk, and never an overflow

_known_options: FieldNameMemo[frozenset[bytes]] = FieldNameMemo()

_spare: list[_BlockParser] = []
"""A parser that stands between two heads, for whoever reads the next one; to make one costs as much as a head."""


class HeaderBlock(msgspec.Struct, frozen=True, gc=False):
    """What one header block means; immutable, so that requests may share it.

    `length` is of the body in bytes; `chunked` tells that the body says itself where it ends. `upgrade` tells that the
    Connection and Upgrade fields are those of a WebSocket handshake (RFC 6455 section 4.1), `expects` that a
    100 (Continue) is waited for (RFC 9110 section 10.1.1). `closes` and `stays` tell what Connection says about the
    connection (RFC 9112 section 9.3).
    """

    headers: Headers
    chunked: bool = False
    length: int = 0
    upgrade: bool = False
    expects: bool = False
    closes: bool = False
    stays: bool = False


def read_block(raw: bytes, most_fields: int, most_cookies: int = MOST_COOKIES) -> HeaderBlock:
    """Read a header block, from behind the request line to its empty line.

    Raises MalformedError for more fields than `most_fields`, for more cookies than `most_cookies`, and for what two
    servers could read in two ways.
    """
    parser = _spare.pop() if _spare else _BlockParser()
    fields = parser.read(raw)
    if len(fields) > most_fields:
        raise MalformedError(mistake(RefusalCode.HEAD_TOO_LARGE, "the head has more fields than limits.headers"))
    headers = Headers(fields)
    cookies = headers.by_name.get(b"cookie")
    if cookies is not None and sum([field.count(b";") + 1 for field in cookies]) > most_cookies:
        raise MalformedError(mistake(RefusalCode.HEAD_TOO_LARGE, "the head has more cookies than limits.cookies"))
    if len(headers.by_name) != len(fields):
        _require_single(headers)
    ordinary = headers.by_name.keys().isdisjoint(_MEANINGFUL)
    block = HeaderBlock(headers) if ordinary else _read_meaning(headers)
    if parser.between:
        _spare.append(parser)
    return block


class _BlockParser:
    """Reads header blocks one after the other; `between` tells whether it can read another.

    That is for llhttp to say: after a field that it takes for the end of the connection (`Proxy-Connection: close` is
    one to it) it refuses the next block, which is another caller's.
    """

    __slots__ = ("_events", "_parser", "between")

    def __init__(self) -> None:
        self._events = _BlockEvents()
        self._parser = httptools.HttpRequestParser(self._events)
        self.between = True

    def read(self, raw: bytes) -> list[tuple[bytes, bytes]]:
        """Return the fields of one block, in a list that the next call uses again."""
        events = self._events
        events.fields.clear()
        events.ends = 0
        events.complete = events.stays = False
        events.should_keep_alive = self._parser.should_keep_alive
        try:
            self._parser.feed_data(_LINE + raw)
        except httptools.HttpParserUpgrade:
            events.complete = False  # what such a parser would read next is another protocol's
        except httptools.HttpParserError:
            raise malformed(fault_of_block(raw)) from None
        finally:
            events.should_keep_alive = None
        if events.ends != 1:
            raise malformed("the header block does not end where it should")
        self.between = events.complete and events.stays
        return events.fields


class _BlockEvents:
    """What the parser calls; it knows one only while that reads: no circle is left for the garbage collector to find.

    `stays` is what the parser makes of the connection, which it can tell at the block's end alone.
    """

    __slots__ = ("complete", "ends", "fields", "on_header", "should_keep_alive", "stays")

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        append = self.fields.append

        def on_header(name: bytes, value: bytes) -> None:
            append((name, value.rstrip()))  # blanks around a value are no part of it (RFC 9112 section 5)

        self.on_header = on_header
        self.should_keep_alive: Callable[[], bool] | None = None
        self.ends = 0
        self.complete = False
        self.stays = False

    def on_headers_complete(self) -> None:
        """Take note of the block's end."""
        self.ends += 1
        self.stays = self.should_keep_alive is not None and self.should_keep_alive()

    def on_message_complete(self) -> None:
        """Take note that no body is waited for."""
        self.complete = True


def _require_single(headers: Headers) -> None:
    for name, values in headers.by_name.items():
        if len(values) > 1 and name in _SINGLE:
            raise malformed(f"more than one {name.decode('ascii')} field")


def _read_meaning(headers: Headers) -> HeaderBlock:
    by_name = headers.by_name
    chunked = b"transfer-encoding" in by_name
    length = 0
    if chunked:
        _require_chunked_alone(headers)
    elif b"content-length" in by_name:
        length = _length(headers.all(b"content-length")[0])
    expects = b"expect" in by_name
    if expects and _lower(headers, b"expect") != [b"100-continue"]:
        raise malformed("an expectation that is not 100-continue")
    if b"connection" not in by_name:
        return HeaderBlock(headers, chunked, length, expects=expects)
    options = _options(headers.all(b"connection"))
    upgrade = b"upgrade" in options and _lower(headers, b"upgrade") == [b"websocket"]
    return HeaderBlock(headers, chunked, length, upgrade, expects, b"close" in options, b"keep-alive" in options)


def _require_chunked_alone(headers: Headers) -> None:
    if b"content-length" in headers:
        raise malformed("a length beside a transfer coding")  # RFC 9112 section 6.3: an attempt to smuggle
    if _lower(headers, b"transfer-encoding") != [b"chunked"]:
        raise malformed("a transfer coding that is not chunked alone")


def _length(length: bytes) -> int:
    if not length.isdigit() or len(length) > _LONGEST_LENGTH:
        raise malformed("a length that is no number")
    if length.startswith(b"0") and length != b"0":
        raise malformed("a length with a leading zero")  # an upstream might take it for octal
    return int(length)


def _options(values: Sequence[bytes]) -> frozenset[bytes]:
    """Return the connection options (RFC 9110 section 7.6.1), in lower case."""
    if len(values) == 1 and (known := _known_options.get(values[0])) is not None:
        return known
    options = frozenset(option.strip(b" \t") for value in values for option in value.lower().split(b","))
    return _known_options.keep(values[0], options) if len(values) == 1 else options


def _lower(headers: Headers, name: bytes) -> list[bytes]:
    return [value.lower() for value in headers.all(name)]
