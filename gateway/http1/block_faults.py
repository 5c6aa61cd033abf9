"""Why a header block cannot be read, in fixed words: llhttp's own are for whoever knows its code."""

from __future__ import annotations

import re

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
_LONGEST_LENGTH = 18


def fault_of_block(raw: bytes) -> str:
    """Return the first fault of a block that was refused, from behind the request line to its empty line."""
    values: dict[bytes, list[bytes]] = {_LENGTH: [], _CODING: []}
    for line in raw.split(b"\r\n"):
        if not line:
            break
        fault = _fault_of_line(line)
        if fault:
            return fault
        name, _, value = line.partition(b":")
        values.get(name.lower(), []).append(value.strip(b" \t"))
    return _fault_of_framing(values[_LENGTH], values[_CODING]) or "the header block cannot be read"


def _fault_of_line(line: bytes) -> str:
    """Return the fault of one field line (RFC 9112 section 5), empty without one."""
    if line[:1] in {b" ", b"\t"}:
        return "a field line is folded"
    name, colon, value = line.partition(b":")
    if not colon:
        return "a field line has no colon"
    if not name:
        return "a field has no name"
    if b" " in name or b"\t" in name:
        return "a field name holds a blank"
    if _TOKEN.fullmatch(name) is None:
        return "a field name holds a character that none may hold"
    return "a field value holds a control character" if _CONTROL.search(value) else ""


def _fault_of_framing(lengths: list[bytes], codings: list[bytes]) -> str:
    if lengths and codings:
        return "a length beside a transfer coding"
    if len(lengths) > 1:
        return "more than one content-length field"
    if lengths and (not lengths[0].isdigit() or len(lengths[0]) > _LONGEST_LENGTH):
        return "a length that is no number"
    return "a transfer coding that is not chunked alone" if codings else ""
