"""A response that came in one read, with a length: most of them, and they need no parser.

Its lines are sorted by what they are, and a line that came before is known; so is a whole head that the connection
brought before. It may refuse more than llhttp does, never less: whatever is not plain here is read there.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from gateway.http1.field_names import HOP_BY_HOP
from gateway.http1.response_head import ResponseHead, compose_head

_END = b"\r\n\r\n"
_STATUS_LINES = {
    f"HTTP/1.1 {status.value} {status.phrase}".encode(): (status.value, status.phrase.encode())
    for status in HTTPStatus
    if status >= HTTPStatus.OK and status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
}
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
"""A field line without white space around its value (RFC 9112 section 5): what is sent on as it came."""

_LENGTH = re.compile(rb"0|[1-9][0-9]{0,17}")
_PARSED = frozenset({b"transfer-encoding", b"upgrade", b"trailer"})
_CONNECTION = frozenset({b"connection", b"proxy-connection"})  # llhttp takes the second for the first
_COOKIE = b"\r\nset-cookie:"
_KEPT, _DROPPED = -1, -2

_MOST_LINES, _LONGEST_LINE = 4096, 128
_known: dict[bytes, int] = {}
"""Lines that came before: one of the marks above, or the number that a Content-Length says."""


_LONGEST_HEAD = 1024
"""Bytes of a head that is remembered, so that what a connection holds is bounded."""


class WholeResponses:
    """Reads the whole responses of one connection; no head may be longer than `head_bytes`.

    Most answers of one second have one head: the last one is remembered by its bytes, unless it sets a cookie, with
    what was made of it.
    """

    __slots__ = ("_head", "_head_bytes", "_last")

    def __init__(self, head_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._last = b""
        self._head: ResponseHead | None = None

    def read(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
        """Return head and body of a response to something else than HEAD, or None for one that has to be parsed."""
        head, block = self._head, self._last
        if head is None or not data.startswith(block):
            end = data.find(_END) + len(_END)
            if not len(_END) <= end <= self._head_bytes:
                return None
            block = data[:end]
            head = self._read_head(block)
            if head is None:
                return None
        body = data[len(block) :]
        return (head, body) if head.length == len(body) else None

    def _read_head(self, block: bytes) -> ResponseHead | None:
        first, *lines = block[: -len(_END)].split(b"\r\n")
        status = _STATUS_LINES.get(first)
        if status is None:
            return None
        kept: list[bytes] = []
        length, declared = -1, b""
        for line in lines:
            mark = _known.get(line)
            if mark is None:
                mark = _mark(line)
                if mark is None:
                    return None
            if mark == _KEPT:
                kept.append(line)
            elif mark >= 0:
                if length >= 0:
                    return None
                length, declared = mark, line[line.index(b" ") + 1 :]
        if length < 0:
            return None
        head = ResponseHead(*status, kept, length, chunked=False, declared=declared, event_stream=False)
        head.plain = compose_head(head, b"Content-Length: %b\r\n" % declared, ())
        if len(block) <= _LONGEST_HEAD and _COOKIE not in block.lower():
            self._last, self._head = block, head
        return head


def _mark(line: bytes) -> int | None:
    """Tell what is done with a line; None for one that has to be parsed."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name, value = found[1].lower(), found[2] or b""
    mark = _KEPT
    if name == b"content-length":
        if not _LENGTH.fullmatch(value):
            return None
        mark = int(value)
    elif (
        name in _PARSED
        or value.lower().startswith(b"text/event-stream")
        or (name in _CONNECTION and value != b"keep-alive")
    ):
        return None
    elif name in HOP_BY_HOP:
        mark = _DROPPED
    # A cookie is its caller's secret, and no other's line.
    if len(line) <= _LONGEST_LINE and name != b"set-cookie":
        if len(_known) >= _MOST_LINES:
            _known.clear()
        _known[line] = mark
    return mark
