"""What an upstream is told of a request's way here: X-Forwarded-*, X-Real-IP and Forwarded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.endpoints.networks import parse_hop
from gateway.model.client_address import SOCKET_FILE, UNKNOWN_CLIENT
from gateway.model.decision import AccessRequest, HeaderPairs
from gateway.model.errors import MalformedError
from gateway.model.host import parse_authority

_FORWARDED_HOST = re.compile(r"host[ \t]*=[ \t\"]*([^\s\",;]*)", re.IGNORECASE)
"""Wherever it stands: not every program that reads the field knows what is quoted (RFC 7239 section 4)."""
_PORTS = re.compile(rb"[1-9][0-9]{0,4}(?: *, *[1-9][0-9]{0,4})*")


def forwarded_headers(access: AccessRequest, *, believed: bool) -> HeaderPairs:
    """Return what the upstream is told of the request's way here, a prefix aside, which depends on its route.

    A chain of addresses is continued only when the peer is `believed`; from anybody else it starts anew, with the
    address that the socket shows. What else a believed peer says goes on.
    """
    chain = b", ".join(access.headers.all(b"x-forwarded-for")) if believed else b""
    # A socket file is no address (RFC 7239 section 6.2).
    peer = (UNKNOWN_CLIENT if access.peer == SOCKET_FILE else access.peer).encode("ascii", "replace")
    hosts = (access.authority.encode("ascii"),) if access.authority else access.headers.all(b"host")
    return (
        (b"X-Forwarded-For", chain + b", " + peer if chain else peer),
        (b"X-Forwarded-Proto", access.scheme.encode("ascii")),
        *((b"X-Forwarded-Host", host) for host in hosts),
        *(_continued(access) if believed else ()),
    )


def _continued(access: AccessRequest) -> Iterator[tuple[bytes, bytes]]:
    """Yield what a trusted proxy says that nothing is judged by: port, address, and RFC 7239's words for all of it."""
    headers = access.headers
    ports = b", ".join(headers.all(b"x-forwarded-port"))
    if _PORTS.fullmatch(ports):
        yield b"X-Forwarded-Port", ports
    addresses = headers.all(b"x-real-ip")
    if len(addresses) == 1 and parse_hop(addresses[0].decode("latin-1")) is not None:
        yield b"X-Real-IP", addresses[0]
    forwarded = headers.all(b"forwarded")
    if all(_names_no_other_host(value.decode("latin-1"), access) for value in forwarded):
        yield from ((b"Forwarded", value) for value in forwarded)


def _names_no_other_host(forwarded: str, access: AccessRequest) -> bool:
    """Tell whether a Forwarded field agrees with the host that was judged, whoever reads it however.

    A proxy that keeps a client's field would else let the client be judged by one host and served by another.
    """
    try:
        names = [parse_authority(host, access.scheme).name for host in _FORWARDED_HOST.findall(forwarded)]
    except MalformedError:
        return False
    return "\\" not in forwarded and all(name == access.host.name for name in names)
