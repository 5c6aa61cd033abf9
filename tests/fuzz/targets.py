"""What must hold of any bytes, one function a reader; each takes bytes and raises where it does not hold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from gateway.credentials.reader import UNREADABLE
from gateway.http1.faults import ExchangeError
from gateway.http1.head_parser import HeadLimits
from gateway.http1.response_reader import ResponseReader
from gateway.model.credential import Ambiguous, Credential
from gateway.model.errors import MalformedError
from gateway.model.target import ALWAYS_READ, Oddity, parse_target
from tests.support.builders.credentials import cookie_reader
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_sink import FakeSink
from tests.support.readers.request_events import byte_by_byte, events

LIMITS = HeadLimits(head_bytes=500, headers=10, target_bytes=100)
HEAD_BYTES = 500


def request_reader(data: bytes) -> None:
    """However a caller's bytes are cut, they are the same requests."""
    assert events([data], LIMITS) == events(byte_by_byte(data), LIMITS)


def response_reader(data: bytes) -> None:
    """However an upstream's bytes are cut, they are the same response. The first byte says what was asked."""
    if data:
        flags, answer = data[0], data[1:]
        assert _response(flags, [answer]) == _response(flags, byte_by_byte(answer))


def _response(flags: int, pieces: Iterable[bytes]) -> tuple[Any, ...]:
    """Return the heads, the body, what became of it, and what came behind a switch to another protocol."""
    sink, sent = FakeSink(), iter(pieces)
    reader = ResponseReader(sink, HEAD_BYTES, head_request=bool(flags & 1), upgrading=bool(flags & 2))
    try:
        while not (reader.complete or reader.switched) and (piece := next(sent, None)) is not None:
            reader.feed(piece)
        reader.feed_eof()
    except ExchangeError as error:
        return sink.heads, error.fault
    finally:
        reader.close()
    rest = reader.rest + b"".join(sent) if reader.switched else b""
    return sink.heads, sink.received, sink.outcome, reader.switched, rest


def target(data: bytes) -> None:
    """What is forwarded of a target is read again as the same target, and has no dot segment."""
    for allowed in (ALWAYS_READ, tuple(Oddity)):
        with contextlib.suppress(MalformedError):
            read = parse_target(data.decode("utf-8", "surrogateescape"), allowed)
            assert parse_target(str(read), allowed) == read
            assert str(read).isascii()
            assert not {".", ".."} & set(read.match.split("/"))


def cookie(data: bytes) -> None:
    """A value that is read stands in the bytes, once; a line feed stands between two fields."""
    fields = tuple((b"Cookie", field) for field in data.split(b"\n"))
    reading = _COOKIES.read(access_request(headers=fields))
    if isinstance(reading, Credential):
        (value,) = reading.parts
        assert value == UNREADABLE or value.encode("ascii") in data
        again = (*fields, (b"Cookie", b"__session=another"))
        assert isinstance(_COOKIES.read(access_request(headers=again)), Ambiguous)


_COOKIES = cookie_reader()

TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (request_reader, response_reader, target, cookie)
}
