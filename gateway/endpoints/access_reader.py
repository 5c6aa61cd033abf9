"""How a request of the public port becomes an AccessRequest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from gateway.endpoints.networks import IpNetwork, Networks, parse_hop
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.host import DEFAULT_PORTS, Host, parse_authority, parse_host
from gateway.model.method import STANDARD, read_method
from gateway.model.refusal import RefusalCode, mistake
from gateway.model.target import ALWAYS_READ, Oddity, Target, parse_target

ALLOW = (b"Allow", ", ".join(STANDARD).encode("ascii"))
"""What a 405 says besides (RFC 9110 section 15.5.6): of the methods that are carried, those that everybody knows."""
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
    prefix: str
    made: dict[object, Any]


class AccessReader:
    """Reads requests as they came over the socket, and believes forwarded headers of trusted proxies only.

    Trust is by the peer's address and nothing else; by default nobody is trusted. `target_bytes`
    is the longest target, `allowed` what some route allows a path to hold, and `listed` the methods that some route
    lists. `trusts` tells whether the forwarded headers of a peer are believed.
    """

    def __init__(
        self,
        trusted: Sequence[IpNetwork | str],
        target_bytes: int,
        clock: Callable[[], float],
        allowed: Collection[Oddity] = ALWAYS_READ,
        listed: Collection[str] = (),
    ) -> None:
        self.trusts = Networks(trusted).include
        self._target_bytes = target_bytes
        self._clock = clock
        self._allowed = frozenset(allowed)
        self._listed = frozenset(listed)

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
            known.prefix,
            known.made,
        )

    def _read(self, request: DownstreamRequest, headers: Headers, before: _Read | None) -> _Read:
        """Read what does not differ between equal requests of one connection; `before` had the same fields."""
        method, raw = read_method(request.head.method, self._listed), request.head.target
        if before is not None:
            way = before.scheme, before.host, before.client, before.authority, before.prefix
        else:
            way = self._origin(request, headers)
        scheme, host, client, authority, prefix = way
        target = self.target(raw if raw.startswith("/") else _origin_form(raw, method, scheme, host))
        return _Read(method, raw, scheme, host, target, client, authority, prefix, {})

    def _origin(self, request: DownstreamRequest, headers: Headers) -> tuple[str, Host, str, str, str]:
        """Return scheme, host, client, the spelling of the host and a prefix, as `_believe` does."""
        scheme, peer = request.connection.scheme, request.connection.peer
        values = headers.by_name.get(b"host")
        # HTTP/1.0 alone may have none, as the checks of load balancers do: no host's route is met then.
        host = parse_host(values, scheme) if values else Host("", DEFAULT_PORTS[scheme])
        return self._believe(headers, scheme, host, peer) if self.trusts(peer) else (scheme, host, peer, "", "")

    def method(self, raw: str) -> str:
        """Read a method; raises MalformedError for one that is not carried."""
        return read_method(raw, self._listed)

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
            address = parse_hop(text)
            if address is None:
                return client
            client = str(address)
            if not self.trusts(client):
                return client
        return client

    def _believe(self, headers: Headers, scheme: str, host: Host, peer: str) -> tuple[str, Host, str, str, str]:
        """Return scheme, host, client and prefix as the trusted peer tells them; what cannot be read is not believed.

        The fourth is what an upstream is told of the host, where it is not as in the Host field: a proxy that keeps a
        client's X-Forwarded-Host would else let the client be judged by one host and served by another.
        """
        proto = _last(headers, b"x-forwarded-proto").lower()
        named_scheme = proto if proto in DEFAULT_PORTS else scheme
        named_host = host
        named = _last(headers, b"x-forwarded-host")
        try:
            named_host = parse_authority(named or _last(headers, b"host"), named_scheme)
        except MalformedError:
            if named:
                raise
        chain = b",".join(headers.all(b"x-forwarded-for")).decode("latin-1")
        return named_scheme, named_host, self.client(chain, peer), named, _prefix(headers)


def _prefix(headers: Headers) -> str:
    """Return the path that proxies took off, those of a list behind one another; empty where one is no plain path.

    A list has the outermost first. `//evil.example` in it would make links of frameworks go there.
    """
    listed = b",".join(headers.all(b"x-forwarded-prefix")).decode("latin-1")
    prefixes = [each.strip(" \t").removesuffix("/") for each in listed.split(",")]
    prefix = "".join(prefixes)
    if not prefix or any(each and not each.startswith("/") for each in prefixes):
        return ""
    try:
        return prefix if str(parse_target(prefix, ())) == prefix and "?" not in prefix else ""
    except MalformedError:
        return ""


def _origin_form(raw: str, method: str, scheme: str, host: Host) -> str:
    """Return a target in absolute-form (RFC 9112 section 3.2.2) as one in origin-form.

    Raises MalformedError for one of another scheme or host than the request's own, and for every other form: which of
    two hosts counts depends on the server. `OPTIONS` without a path asks about the server itself (section 3.2.4).
    """
    own_scheme, mark, rest = raw.partition("://")
    end = min(place for place in (rest.find("/"), rest.find("?"), len(rest)) if place >= 0)
    path = rest[end:]
    if not mark or (method == "OPTIONS" and not path):
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the target is not in origin-form"))
    if own_scheme.lower() != scheme or parse_authority(rest[:end], scheme) != host:
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the target names another host or scheme"))
    return path if path.startswith("/") else f"/{path}"


def _last(headers: Headers, name: bytes) -> str:
    """Return the last value of a list field: the one that the nearest proxy added."""
    values = headers.all(name)
    return values[-1].decode("latin-1").rpartition(",")[2].strip() if values else ""
