"""The Host field, parsed strictly: one value, one meaning."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from gateway.model.errors import MalformedError
from gateway.model.refusal import RefusalCode, mistake

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_LONGEST = 255 + 6  # a DNS name (RFC 1035 section 2.3.4) and a port
_PORTS = 65536


class Host(msgspec.Struct, frozen=True, gc=False):
    """A host name in lower case without a trailing dot, and the port of the request (by default the scheme's)."""

    name: str
    port: int


def parse_host(values: Sequence[bytes], scheme: str) -> Host:
    """Parse the values of the Host field (RFC 9110 section 7.2).

    Raises MalformedError (400) for none, two, or one that is not `uri-host [":" port]`: `a@b`, `a, for=evil`,
    `www.example.com:x`.
    """
    if len(values) != 1:
        raise _malformed("there is not exactly one Host field")
    return parse_authority(values[0].decode("latin-1"), scheme)


@lru_cache(maxsize=1024)
def parse_authority(text: str, scheme: str) -> Host:
    """Parse one `uri-host [":" port]`; raises MalformedError (400)."""
    match = _HOST.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise _malformed("the Host field is not a host name with an optional port")
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[scheme]
    if not 0 < port < _PORTS:
        raise _malformed("the Host field's port is out of range")
    return Host(match["name"].lower().removesuffix("."), port)


def _malformed(detail: str) -> MalformedError:
    return MalformedError(mistake(RefusalCode.MALFORMED, detail))
