"""What a RequestReader makes of bytes, as a list of events, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.http1.block_memory import SharedBlocks
from gateway.http1.request_reader import HeadLimits, RequestHead, RequestReader, State
from gateway.model.errors import MalformedError

Event = tuple[object, ...]


class EventSink:
    """Notes a body as one event."""

    def __init__(self, noted: list[Event]) -> None:
        self._noted = noted
        self._body = b""

    def body(self, data: bytes) -> None:
        assert data
        self._body += data

    def body_end(self) -> None:
        self._noted.append(("body", self._body))


def events(pieces: Iterable[bytes], limits: HeadLimits | None = None) -> list[Event]:
    """Serve every request at once and return what was read.

    ("head", method, target, version, fields, keep_alive), ("body", data), ("upgrade", rest), ("refused", code) and,
    last, ("open", state, bytes of a head begun).
    """
    noted: list[Event] = []
    reader = RequestReader(limits or HeadLimits(), SharedBlocks(2**20))
    sent = iter(pieces)
    try:
        for piece in sent:
            serving = reader.state
            head = reader.feed(piece)
            if head is None and serving is not State.HEAD and reader.state is State.DONE:
                head = reader.next()
            if _serve(reader, head, noted):
                noted.append(("upgrade", reader.upgrade() + b"".join(sent)))
    except MalformedError as error:
        assert reader.state is State.REFUSED
        noted.append(("refused", error.refusal.code))
    else:
        noted.append(("open", reader.state, reader.begun))
    return noted


def _serve(reader: RequestReader, head: RequestHead | None, noted: list[Event]) -> bool:
    """Serve this head and what is held behind it; tell whether the last one is an upgrade."""
    while head is not None:
        noted.append(("head", head.method, head.target, head.version, head.block.headers.raw, head.keep_alive))
        if head.upgrade:
            return True
        if reader.state is not State.DONE:
            reader.start_body(EventSink(noted))
        if reader.state is not State.DONE:
            return False
        head = reader.next()
    return False


def in_two(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Cut at every place."""
    return ((data[:cut], data[cut:]) for cut in range(1, len(data)))


def in_three(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Cut at every two places."""
    return (
        (data[:first], data[first:second], data[second:])
        for first in range(1, len(data))
        for second in range(first + 1, len(data))
    )


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """Every byte alone."""
    return (data[place : place + 1] for place in range(len(data)))
