"""What is told of a request that was refused before its head was whole, or read: for the log alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from gateway.model.errors import MalformedError
from gateway.model.host import parse_authority

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (?:((?:/|[A-Za-z]{1,8}://)[^\x00-\x20\x7f]*))?")
"""A method, and behind it a target in origin-form or absolute-form, as far as either has come."""

_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_MOST = 32 * 1024
"""Bytes that are looked at: a refused head may be longer than any that is read."""


class SeenHead(msgspec.Struct, frozen=True):
    """A request's method, target and host as far as they were seen; the host alone is sure to be what it seems."""

    method: str = ""
    target: str = ""
    host: str = ""


NOTHING_SEEN = SeenHead()


def seen_head(raw: bytes) -> SeenHead:
    """Return what can be told of the bytes of a head that is not whole, or that cannot be read."""
    raw = raw[:_MOST].lstrip(b"\r\n")
    line = _LINE.match(raw)
    if line is None:
        return NOTHING_SEEN
    target = (line[2] or b"").decode("utf-8", "surrogateescape")
    lines, mark, _ = raw.partition(b"\r\n\r\n")
    return SeenHead(line[1].decode("ascii"), target, host_seen(_HOST.findall(lines + mark)))


def host_seen(values: Sequence[bytes]) -> str:
    """Return the name of a host out of the values of the Host field; empty unless there is one, and one host's."""
    try:
        return parse_authority(values[0].decode("latin-1"), "http").name if len(values) == 1 else ""
    except MalformedError:
        return ""
