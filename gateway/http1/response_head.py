"""What the caller is sent ahead of the upstream's body: pure reading and composition of a response's head."""

from __future__ import annotations

import re
from enum import IntEnum
from http import HTTPStatus
from typing import Protocol

import msgspec

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.field_names import HOP_BY_HOP, named_by_connection
from gateway.http1.shared_caches import carries_credential, private_lines, without_credentials
from gateway.model.decision import HeaderPairs
from gateway.model.field_changes import FieldChanges
from gateway.model.headers import spelling
from gateway.model.memo import FieldNameMemo

_STATUSES = range(200, 1000)  # RFC 9110 section 15: what begins with 6 to 9 is carried as the error that it is
_NO_CONTENT, _NOT_MODIFIED = 204, 304
_REASONS = frozenset(status.phrase.encode() for status in HTTPStatus)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # none may be there (RFC 9112 section 4), and llhttp lets them pass
_KEEP_ALIVE = b"keep-alive"  # what most upstreams say, and it names no field
_LONGEST_LENGTH = 18  # digits: more than any disk, and never an overflow

_ON_TOP = frozenset({b"set-cookie", b"vary"})

RawFields = list[tuple[bytes, bytes]]


class _ResponseField(IntEnum):
    KEEP = 0
    DROP = 1
    LENGTH = 2
    ENCODING = 3
    CONNECTION = 4
    TYPE = 5


_SPECIAL = {
    b"content-length": _ResponseField.LENGTH,
    b"transfer-encoding": _ResponseField.ENCODING,
    b"connection": _ResponseField.CONNECTION,
    b"content-type": _ResponseField.TYPE,
}
_fates: FieldNameMemo[_ResponseField] = FieldNameMemo()


class ResponseHead(msgspec.Struct):
    """A response's head, read once.

    `lines` are the end-to-end fields as they are sent, without their ends, in order, with case and duplicates.
    `length` is of the body that follows on the upstream's connection; `None` when it is chunked or ends with the
    connection, and `chunked` tells which. `declared` is the Content-Length field as it came, also where no body follows
    it (HEAD, 304). `is_contradictory` tells that a body was announced where none may follow: an upstream that sends it
    all the same would have it read as the next caller's answer. `plain` is the whole head for a caller who keeps the
    connection and is sent nothing besides, where somebody has composed it.

    Nothing of it is changed once it was read: several answers may have one head.
    """

    status: int
    reason: bytes
    lines: list[bytes]
    length: int | None
    chunked: bool
    declared: bytes | None
    event_stream: bool
    is_contradictory: bool = False
    plain: bytes = b""


class ResponseSink(Protocol):
    """Takes one response as it arrives. Exactly one of `whole`, `end`, `fail` and `switched` is called, last."""

    def whole(self, head: ResponseHead, body: bytes) -> None:
        """Take all of a response, and send it: no other call comes before or after."""

    def head(self, head: ResponseHead) -> None:
        """Take the head of the final response."""

    def body(self, data: bytes) -> None:
        """Take a piece of the body, without its framing."""

    def flush(self) -> None:
        """Nothing more is at hand: send what was taken."""

    def end(self) -> None:
        """Take it that the response is complete."""

    def fail(self, error: ExchangeError) -> None:
        """Take it that the response will not be completed."""

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        """Take over after a 101; `rest` is the first of the new protocol's bytes."""

    def expired(self) -> None:
        """Act on the connection's deadline, which the sink has set and which has passed."""


def read_head(status: int, reason: bytes, fields: RawFields, *, head_request: bool) -> ResponseHead:
    """Sort a final response's fields (RFC 9112 section 6.3).

    Raises ExchangeError (bad response) for a status or a framing that cannot be carried without guessing.
    """
    if status not in _STATUSES:
        raise ExchangeError(Fault.BAD_RESPONSE, "the status is out of range")
    if reason not in _REASONS and _CONTROL.search(reason):
        raise ExchangeError(Fault.BAD_RESPONSE, "a control character in the reason phrase")
    lines, special = _sort(fields)
    declared = special.get(_ResponseField.LENGTH)
    if _ResponseField.CONNECTION in special and (named := named_by_connection(_values(fields, b"connection"))):
        lines, _ = _sort([field for field in fields if field[0].lower() not in named])
    is_contradictory = False
    if head_request or status in {_NO_CONTENT, _NOT_MODIFIED}:
        length, chunked = 0, False
        announced = _ResponseField.ENCODING in special or declared not in {None, b"0"}
        is_contradictory = announced and status != _NOT_MODIFIED
        declared = None if status == _NO_CONTENT else declared  # RFC 9110 section 8.6
    elif _ResponseField.ENCODING in special:
        _require_chunked(declared, _values(fields, b"transfer-encoding"))
        length, chunked = None, True
    else:
        length, chunked = _counted(declared), False
    content_type = special.get(_ResponseField.TYPE)
    event_stream = content_type is not None and content_type.lower().startswith(b"text/event-stream")
    return ResponseHead(status, reason, lines, length, chunked, declared, event_stream, is_contradictory)


def compose_head(head: ResponseHead, framing: bytes, caller_headers: HeaderPairs) -> bytes:
    """Return the whole head; `framing` are the lines that say how the body ends and whether the connection stays.

    A field of `caller_headers` takes the place of the upstream's, since two of one name would contradict each other;
    those that are lists by nature come on top. An answer with a credential of ours is kept by its caller alone; a 304
    goes without, since a shared cache would add it to what it keeps (RFC 9111 section 3.2).
    """
    lines = head.lines
    if caller_headers:
        if carries_credential(caller_headers):
            if head.status == _NOT_MODIFIED:
                caller_headers = without_credentials(caller_headers)
            else:
                lines = private_lines(lines)
        lines = _without(lines, caller_headers) + [b"%b: %b" % field for field in caller_headers]
    return b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (head.status, head.reason, b"\r\n".join((*lines, b"")), framing)


def changed_lines(lines: list[bytes], changes: FieldChanges) -> list[bytes]:
    """Return the field lines of an answer as its route wants them."""
    kept = [line for line in lines if spelling(line.partition(b":")[0]) not in changes.spellings]
    return kept + [b"%b: %b" % field for field in changes.fixed]


def compose_switch(head: ResponseHead, protocol: bytes, caller_headers: HeaderPairs) -> bytes:
    """Return the head of a 101 (RFC 9110 section 7.8), which is the one place for `Connection: Upgrade`."""
    return compose_head(head, b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n", caller_headers)


def _without(lines: list[bytes], fields: HeaderPairs) -> list[bytes]:
    """Leave out the lines of which `fields` has the names, but for cookies and `Vary`."""
    names = {name.lower() for name, _ in fields} - _ON_TOP
    return [line for line in lines if line.partition(b":")[0].lower() not in names]


def _sort(fields: RawFields) -> tuple[list[bytes], dict[_ResponseField, bytes]]:
    """Part the lines that are carried from the values that say something to us (the last one of each name)."""
    lines: list[bytes] = []
    special: dict[_ResponseField, bytes] = {}
    known = _fates
    for name, value in fields:
        fate = known.get(name)
        if fate is None:
            fate = _fate(name)
        if not fate:
            lines.append(b"%b: %b" % (name, value))
            continue
        if value == _KEEP_ALIVE and fate is _ResponseField.CONNECTION:
            continue
        special[fate] = value
        if fate is _ResponseField.TYPE:
            lines.append(b"%b: %b" % (name, value))
    return lines, special


def _values(fields: RawFields, lower: bytes) -> list[bytes]:
    return [value for name, value in fields if name.lower() == lower]


def _counted(declared: bytes | None) -> int | None:
    """Return the length of a body without a transfer coding; None when it ends with the connection."""
    if declared is None:
        return None
    declared = declared.strip(b" \t")
    if not declared.isdigit() or len(declared) > _LONGEST_LENGTH:
        raise ExchangeError(Fault.BAD_RESPONSE, "the Content-Length is no number")
    return int(declared)


def _require_chunked(declared: bytes | None, encodings: list[bytes]) -> None:
    """Accept chunked alone: `gzip, chunked` would reach the caller as gzip that nothing tells of.

    Spaces may stand behind it, and no tab: for llhttp, which reads the body, that is another coding.
    """
    if declared is not None or [encoding.strip(b" ").lower() for encoding in encodings] != [b"chunked"]:
        raise ExchangeError(Fault.BAD_RESPONSE, "a transfer coding that is not chunked alone")


def _fate(name: bytes) -> _ResponseField:
    lower = name.lower()
    return _fates.keep(
        name, _SPECIAL.get(lower) or (_ResponseField.DROP if lower in HOP_BY_HOP else _ResponseField.KEEP)
    )
