"""A second reader of requests, strict and short, to judge what the gateway takes for one (RFC 9112).

It knows the grammar alone, in which a method is any token: what it does not match is no request, whatever a lenient
server would make of it. Three things it allows beyond the grammar, because nothing of them is ever forwarded: line ends
before a request line, more than one space within it, and a query of other bytes than ASCII, which is sent
percent-encoded.
"""

from __future__ import annotations

import re

_REQUEST = re.compile(
    rb"[\r\n]*[!#$%&'*+.^_`|~0-9A-Za-z-]+ +/[!-\"$->@-~]*(?:\?[!-\"$-~\x80-\xff]*)? +HTTP/1\.(?P<minor>[01])\r\n"
    rb"(?P<fields>(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*)\r\n"
)
_CHUNK = re.compile(rb"(?P<size>[0-9A-Fa-f]{1,15})(?:;[\t -~\x80-\xff]*)?\r\n")
_TRAILERS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*\r\n")


def whole_requests(raw: bytes) -> int:
    """Count the requests that `raw` begins with: up to the first that is malformed or cut off."""
    count, at = 0, 0
    while (found := _REQUEST.match(raw, at)) is not None:
        end = _end_of_body(raw, found.end(), _fields(found["fields"]), {1} if found["minor"] == b"1" else {0, 1})
        if end is None:
            break
        count, at = count + 1, end
    return count


def _fields(lines: bytes) -> list[tuple[bytes, bytes]]:
    pairs = (line.split(b":", 1) for line in lines.split(b"\r\n") if line)
    return [(name.lower(), value.strip(b" \t")) for name, value in pairs]


def _end_of_body(raw: bytes, at: int, fields: list[tuple[bytes, bytes]], hosts: set[int]) -> int | None:
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if [name for name, _ in fields].count(b"host") not in hosts or len(lengths) + len(codings) > 1:
        return None
    if codings:
        return _end_of_chunks(raw, at) if codings == [b"chunked"] else None
    if not lengths:
        return at
    if not re.fullmatch(rb"0|[1-9][0-9]{0,17}", lengths[0]):
        return None
    end = at + int(lengths[0])
    return end if end <= len(raw) else None


def _end_of_chunks(raw: bytes, at: int) -> int | None:
    while (chunk := _CHUNK.match(raw, at)) is not None:
        size = int(chunk["size"], 16)
        if not size:
            trailers = _TRAILERS.match(raw, chunk.end())
            return trailers.end() if trailers is not None else None
        at = chunk.end() + size
        if raw[at : at + 2] != b"\r\n":
            return None
        at += 2
    return None
