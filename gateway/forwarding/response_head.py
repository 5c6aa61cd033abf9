"""What the caller is sent ahead of the upstream's body: pure reading and composition of a response's head."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from gateway.forwarding.faults import ExchangeError, Fault
from gateway.forwarding.field_names import HOP_BY_HOP, named_by_connection
from gateway.model.decision import HeaderPairs

_KNOWN_MOST = 4096
_STATUSES = range(200, 600)
_LONGEST_LENGTH = 18  # digits: more than any disk, and never an overflow


class _Fate(IntEnum):
    KEEP = 0
    DROP = 1
    LENGTH = 2
    ENCODING = 3
    CONNECTION = 4
    TYPE = 5


_SPECIAL = {
    b"content-length": _Fate.LENGTH,
    b"transfer-encoding": _Fate.ENCODING,
    b"connection": _Fate.CONNECTION,
    b"content-type": _Fate.TYPE,
}
_fates: dict[bytes, _Fate] = {}


class ResponseHead(msgspec.Struct):
    """A response's head, read once. `fields` are end to end, in order, with case and duplicates.

    `length` is of the body that follows on the upstream's connection; `None` when it is chunked or ends with the
    connection, and `chunked` tells which. `declared` is the Content-Length field as it came, also where no body
    follows it (HEAD, 304).
    """

    status: int
    reason: bytes
    fields: list[tuple[bytes, bytes]]
    length: int | None
    chunked: bool
    declared: bytes | None
    event_stream: bool


def read_head(status: int, reason: bytes, headers: list[tuple[bytes, bytes]], *, head_request: bool) -> ResponseHead:
    """Sort a final response's fields (RFC 9112 section 6.3).

    Raises ExchangeError (bad response) for a status or a framing that cannot be carried without guessing.
    """
    if status not in _STATUSES:
        raise ExchangeError(Fault.BAD_RESPONSE, "the status is out of range")
    fields, special = _sort(headers)
    lengths = special.get(_Fate.LENGTH)
    declared = lengths[0] if lengths else None  # llhttp refuses a second one
    if _Fate.CONNECTION in special and (named := named_by_connection(special[_Fate.CONNECTION])):
        fields = [pair for pair in fields if pair[0].lower() not in named]
    event_stream = any(value.lower().startswith(b"text/event-stream") for value in special.get(_Fate.TYPE, ()))
    bodiless = head_request or status in {204, 304}
    if status == 204:  # noqa: PLR2004 - RFC 9110 section 8.6: no Content-Length in a 204
        declared = None
    length, chunked = (0, False) if bodiless else _framing(declared, special.get(_Fate.ENCODING))
    return ResponseHead(status, reason, fields, length, chunked, declared, event_stream)


def _sort(headers: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], dict[_Fate, list[bytes]]]:
    """Part the fields that are carried from the values of those that say something to us."""
    fields: list[tuple[bytes, bytes]] = []
    special: dict[_Fate, list[bytes]] = {}
    for pair in headers:
        fate = _fates.get(pair[0])
        if fate is None:
            fate = _fate(pair[0])
        if not fate or fate is _Fate.TYPE:
            fields.append(pair)
        if fate:
            special.setdefault(fate, []).append(pair[1])
    return fields, special


def compose_head(head: ResponseHead, framing: bytes, caller_headers: HeaderPairs) -> bytes:
    """Return the whole head; `framing` are the lines that say how the body ends and whether the connection stays."""
    out = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    for name, value in head.fields:
        out += (name, b": ", value, b"\r\n")
    for name, value in caller_headers:
        out += (name, b": ", value, b"\r\n")
    out += (framing, b"\r\n")
    return b"".join(out)


def compose_switch(head: ResponseHead, protocol: bytes, caller_headers: HeaderPairs) -> bytes:
    """Return the head of a 101 (RFC 9110 section 7.8), which is the one place for `Connection: Upgrade`."""
    return compose_head(head, b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n", caller_headers)


def _framing(declared: bytes | None, encodings: list[bytes] | None) -> tuple[int | None, bool]:
    if encodings is not None:
        if declared is not None or len(encodings) != 1 or encodings[0].strip().lower() != b"chunked":
            # `gzip, chunked` would reach the caller as gzip that nothing tells of.
            raise ExchangeError(Fault.BAD_RESPONSE, "a transfer coding that is not chunked alone")
        return None, True
    if declared is None:
        return None, False
    if not declared.isdigit() or len(declared) > _LONGEST_LENGTH:
        raise ExchangeError(Fault.BAD_RESPONSE, "the Content-Length is no number")
    return int(declared), False


def _fate(name: bytes) -> _Fate:
    lower = name.lower()
    fate = _SPECIAL.get(lower) or (_Fate.DROP if lower in HOP_BY_HOP else _Fate.KEEP)
    if len(_fates) < _KNOWN_MOST:
        _fates[name] = fate
    return fate
