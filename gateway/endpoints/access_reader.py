"""How a request of the public port becomes an AccessRequest, and what the upstream is told of its way here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from gateway.endpoints.networks import IpNetwork, Networks, parse_address
from gateway.http1.downstream import DownstreamRequest
from gateway.model.client_address import SOCKET_FILE, UNKNOWN_CLIENT
from gateway.model.decision import AccessRequest, HeaderPairs
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.host import DEFAULT_PORTS, Host, parse_authority, parse_host
from gateway.model.refusal import Refusal, RefusalCode, mistake
from gateway.model.target import ALWAYS_READ, Oddity, Target, parse_target

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ALLOW = (b"Allow", ", ".join(_METHODS).encode("ascii"))
"""What a 405 says besides (RFC 9110 section 15.5.6): the methods that are carried."""
_LONGEST_CHAIN = 32
"""Addresses of X-Forwarded-For that are looked at; no honest chain of proxies is longer."""
_LONGEST_REMEMBERED = 512
"""Characters of a target that is remembered beside its header block."""


class _Read(msgspec.Struct, frozen=True, gc=False):
    """What a request line and the fields mean on one connection, and what others made of it."""

    method: str
    raw_target: str
    scheme: str
    host: Host
    target: Target
    client: str
    authority: str
    made: dict[object, Any]


class AccessReader:
    """Reads requests as they came over the socket, and believes forwarded headers of trusted proxies only.

    Trust is by the peer's address and nothing else; by default nobody is trusted. `target_bytes`
    is the longest target, and `allowed` what some route allows a path to hold. `trusts` tells whether the forwarded
    headers of a peer are believed.
    """

    def __init__(
        self,
        trusted: Sequence[IpNetwork | str],
        target_bytes: int,
        clock: Callable[[], float],
        allowed: Collection[Oddity] = ALWAYS_READ,
    ) -> None:
        self.trusts = Networks(trusted).include
        self._target_bytes = target_bytes
        self._clock = clock
        self._allowed = frozenset(allowed)

    def read(self, request: DownstreamRequest, headers: Headers, request_id: str) -> AccessRequest:
        """Make the AccessRequest of `request`, whose fields are `headers`.

        Raises MalformedError for what cannot be understood without guessing.
        """
        head, made = request.head, headers.made
        known: _Read | None = made.get(self)
        if known is None:
            made.clear()  # what a generation before this one made of them
        if known is None or known.raw_target != head.target or known.method != head.method:
            known = self._read(request, headers, known)
            if len(known.raw_target) <= _LONGEST_REMEMBERED:
                made[self] = known
        return AccessRequest(
            known.method,
            known.scheme,
            known.host,
            known.target,
            headers,
            request.connection.peer,
            known.client,
            self._clock(),
            request_id,
            known.authority,
            known.made,
        )

    def _read(self, request: DownstreamRequest, headers: Headers, before: _Read | None) -> _Read:
        """Read what does not differ between equal requests of one connection; `before` had the same fields."""
        method, raw = read_method(request.head.method), request.head.target
        if before is not None:
            scheme, host, client, authority = before.scheme, before.host, before.client, before.authority
        else:
            scheme, host, client, authority = self._origin(request, headers)
        target = self.target(raw if raw.startswith("/") else _origin_form(raw, method, scheme, host))
        return _Read(method, raw, scheme, host, target, client, authority, {})

    def _origin(self, request: DownstreamRequest, headers: Headers) -> tuple[str, Host, str, str]:
        """Return scheme, host, client and the spelling of the host, as `_believe` does."""
        scheme, peer = request.connection.scheme, request.connection.peer
        values = headers.by_name.get(b"host")
        # HTTP/1.0 alone may have none, as the checks of load balancers do: no host's route is met then.
        host = parse_host(values, scheme) if values else Host("", DEFAULT_PORTS[scheme])
        return self._believe(headers, scheme, host, peer) if self.trusts(peer) else (scheme, host, peer, "")

    def target(self, raw: str) -> Target:
        """Read a request target; raises MalformedError, also for one that is longer than the limit."""
        if len(raw) > self._target_bytes:
            raise MalformedError(mistake(RefusalCode.TARGET_TOO_LONG, "the target is longer than limits.target_bytes"))
        return parse_target(raw, self._allowed)

    def client(self, chain: str, peer: str) -> str:
        """Walk a list of addresses from the right, past trusted proxies, to the first that is none.

        For a `peer` whose word is believed; what is no address ends the walk.
        """
        client = peer
        for text in map(str.strip, reversed(chain.split(",")[-_LONGEST_CHAIN:])):
            # A zone (RFC 4007 section 11) has a meaning on the proxy's own link alone; here it would be free text.
            address = None if "%" in text else parse_address(text)
            if address is None:
                return client
            client = str(address)
            if not self.trusts(client):
                return client
        return client

    def _believe(self, headers: Headers, scheme: str, host: Host, peer: str) -> tuple[str, Host, str, str]:
        """Return scheme, host and client as the trusted peer tells them; what cannot be read is not believed.

        The fourth is what an upstream is told of the host, where it is not as in the Host field: a proxy that keeps a
        client's X-Forwarded-Host would else let the client be judged by one host and served by another.
        """
        proto = _last(headers, b"x-forwarded-proto").lower()
        told_scheme = proto if proto in DEFAULT_PORTS else scheme
        told_host = host
        named = _last(headers, b"x-forwarded-host")
        try:
            told_host = parse_authority(named or _last(headers, b"host"), told_scheme)
        except MalformedError:
            if named:
                raise
        chain = b",".join(headers.all(b"x-forwarded-for")).decode("latin-1")
        return told_scheme, told_host, self.client(chain, peer), named


def read_method(method: str) -> str:
    """Return a method that is carried, as it came; raises MalformedError for any other, lower-case ones among them."""
    if method not in _METHODS:
        code = RefusalCode.METHOD_NOT_ALLOWED if method in {"TRACE", "CONNECT"} else RefusalCode.NOT_IMPLEMENTED
        raise MalformedError(Refusal(code, "a method that is not carried"))
    return method


def forwarded_headers(access: AccessRequest, *, believed: bool) -> HeaderPairs:
    """Return what the upstream is told of the request's way here.

    A chain of addresses is continued only when the peer is `believed`; from anybody else it starts anew, with the
    address that the socket shows.
    """
    chain = b", ".join(access.headers.all(b"x-forwarded-for")) if believed else b""
    # A socket file is no address (RFC 7239 section 6.2).
    peer = (UNKNOWN_CLIENT if access.peer == SOCKET_FILE else access.peer).encode("ascii", "replace")
    hosts = (access.authority.encode("ascii"),) if access.authority else access.headers.all(b"host")
    return (
        (b"X-Forwarded-For", chain + b", " + peer if chain else peer),
        (b"X-Forwarded-Proto", access.scheme.encode("ascii")),
        *((b"X-Forwarded-Host", host) for host in hosts),
    )


def _origin_form(raw: str, method: str, scheme: str, host: Host) -> str:
    """Return a target in absolute-form (RFC 9112 section 3.2.2) as one in origin-form.

    Raises MalformedError for one of another scheme or host than the request's own, and for every other form: which of
    two hosts counts depends on the server. `OPTIONS` without a path asks about the server itself (section 3.2.4).
    """
    told, mark, rest = raw.partition("://")
    end = min(place for place in (rest.find("/"), rest.find("?"), len(rest)) if place >= 0)
    path = rest[end:]
    if not mark or (method == "OPTIONS" and not path):
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the target is not in origin-form"))
    if told.lower() != scheme or parse_authority(rest[:end], scheme) != host:
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the target names another host or scheme"))
    return path if path.startswith("/") else f"/{path}"


def _last(headers: Headers, name: bytes) -> str:
    """Return the last value of a list field: the one that the nearest proxy added."""
    values = headers.all(name)
    return values[-1].decode("latin-1").rpartition(",")[2].strip() if values else ""
