"""The request that another proxy asks about, and how every forward-auth endpoint reads it.

Each proxy has its own endpoint, which reads only what that proxy overwrites: an endpoint that reads whichever header is
present could be bypassed behind nginx and Envoy, which pass on what the client sends (oauth2-proxy CVE-2026-40575). So
a request with another proxy's headers is refused, and so is one that does not hold the original target exactly once
(Authelia CVE-2021-32637, authentik CVE-2026-25748).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
from pydantic import AfterValidator, Field

from gateway.model.decision import AccessRequest
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.host import DEFAULT_PORTS, parse_authority
from gateway.model.refusal import Refusal, RefusalCode, mistake
from gateway.source.names import PathPrefix
from gateway.source.values import Duration, Peer, SettingsModel

if TYPE_CHECKING:
    from gateway.endpoints.access_reader import AccessReader

_ORIGINAL_FIELDS = frozenset(
    {
        b"x-envoy-original-method",
        b"x-envoy-original-path",
        b"x-forwarded-method",
        b"x-forwarded-uri",
        b"x-original-host",
        b"x-original-method",
        b"x-original-uri",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
"""Fields in which some proxy sends the original request."""

_HANDSHAKE = (b"sec-websocket-key", b"sec-websocket-version")
"""End-to-end fields of a WebSocket handshake (RFC 6455 section 4.1); no page can set or omit them."""

_UPGRADE = (b"Upgrade", b"websocket")

_LONGEST_MAX_AGE = 3600
"""Seconds that a proxy may cache an allow at most: no revocation reaches its cache."""

_METHOD, _URI = b"x-forwarded-method", b"x-forwarded-uri"
_PROTO, _HOST, _FOR = b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-for"

_WEBSOCKET_SCHEMES = {"ws": "http", "wss": "https"}
"""Traefik sends these as the scheme of a WebSocket (RFC 6455 section 3)."""


class OriginalRequest(msgspec.Struct, frozen=True):
    """The original request as the proxy describes it, not yet parsed.

    `target` is in origin-form; `client` is an address, or a list of addresses on the way, the nearest last.
    """

    method: str
    scheme: str
    authority: str
    target: str
    client: str


class OriginalReader(Protocol):
    """Reads the original request from one kind of proxy, without any I/O.

    `name` is the proxy's. `trusted_fields` are the lower-case names of the fields that this proxy overwrites, so that
    they are believed. `own_fields` are others that it sets or removes by itself, so that no client's are among them.
    `removes` is the field by which it is told what to remove before it sends a request on, empty where there is none.
    `is_prefix` says that decision requests come at every path that begins with the endpoint's own. `sends_to_login` is
    the status with which it hands a browser on to the login in `Location`.
    """

    name: str
    trusted_fields: frozenset[bytes]
    own_fields: frozenset[bytes]
    removes: bytes
    is_prefix: bool
    sends_to_login: int

    def read(self, decision_request: AccessRequest) -> OriginalRequest:
        """Return the original request; raises MalformedError (400) for what the proxy cannot have sent."""

    def translate(self, refusal: Refusal) -> Refusal:
        """Return a refusal whose status the proxy passes on to its client."""


class ForwardedReader:
    """Reads `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`, which the proxy called `name` overwrites."""

    trusted_fields = frozenset({_METHOD, _URI, _PROTO, _HOST, _FOR})
    removes = b""
    is_prefix = False
    sends_to_login = 302

    def __init__(self, name: str, own_fields: frozenset[bytes] = frozenset()) -> None:
        self.name = name
        self.own_fields = own_fields

    def read(self, decision_request: AccessRequest) -> OriginalRequest:
        """Return the original request; raises MalformedError when one of the five is not there exactly once."""
        headers = decision_request.headers
        proto = only_value(headers, _PROTO)
        return OriginalRequest(
            method=only_value(headers, _METHOD),
            scheme=_WEBSOCKET_SCHEMES.get(proto, proto),
            authority=only_value(headers, _HOST),
            target=only_value(headers, _URI),
            client=only_value(headers, _FOR),
        )

    def translate(self, refusal: Refusal) -> Refusal:
        """Return the refusal itself: the client gets our answer as it is."""
        return refusal


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("an endpoint is not at every path")
    return value


EndpointPath = Annotated[PathPrefix, AfterValidator(_not_empty)]
"""The path of a forward-auth endpoint."""


class ForwardAuthEndpointSettings(SettingsModel):
    """The endpoint's path, its peers (nobody by default), and how long an allow may be cached (s), 0 for not at all."""

    path: EndpointPath
    peers: tuple[Peer, ...] = ()
    max_age: Annotated[Duration, Field(le=_LONGEST_MAX_AGE)] = 0.0


class ForwardAuthKind(msgspec.Struct, frozen=True):
    """One proxy that has a forward-auth endpoint: its settings, and what reads its decision requests."""

    name: str
    settings: type[ForwardAuthEndpointSettings]
    build: Callable[[Any], OriginalReader]


def original_access(reader: OriginalReader, decision_request: AccessRequest, accesses: AccessReader) -> AccessRequest:
    """Return the original request, parsed as strictly as one that comes straight from its client.

    `decision_request` comes from a trusted peer. Raises MalformedError for what cannot be understood without guessing,
    and for the headers of another proxy.
    """
    _refuse_other_fields(decision_request.headers, reader.trusted_fields)
    original = reader.read(decision_request)
    if original.scheme not in DEFAULT_PORTS:
        raise malformed("the original scheme is neither http nor https")
    return AccessRequest(
        method=accesses.method(original.method),
        scheme=original.scheme,
        host=parse_authority(original.authority, original.scheme),
        target=accesses.target(original.target),
        headers=_with_upgrade(decision_request.headers),
        peer=decision_request.peer,
        client=accesses.client(original.client, decision_request.peer),
        received_at=decision_request.received_at,
        request_id=decision_request.request_id,
    )


def only_value(headers: Headers, name: bytes) -> str:
    """Return the one value of a field that the proxy overwrites; raises MalformedError where there is not just one."""
    values = headers.all(name)
    if len(values) != 1 or not values[0]:
        raise malformed(f"there is not exactly one {name.decode('ascii')}")
    return values[0].decode("latin-1")


def malformed(detail: str) -> MalformedError:
    """Return the error (400) of a decision request that its proxy cannot have sent."""
    return MalformedError(mistake(RefusalCode.MALFORMED, detail))


def _refuse_other_fields(headers: Headers, trusted_fields: frozenset[bytes]) -> None:
    for name in _ORIGINAL_FIELDS - trusted_fields:
        if name in headers:
            raise malformed("a header in which another proxy sends the original request")


def _with_upgrade(headers: Headers) -> Headers:
    """Return the fields with the original upgrade, since the Origin check depends on it.

    `Upgrade` belongs to one connection, so most proxies remove it from the decision request; the fields of the
    handshake remain.
    """
    if not any(name in headers for name in _HANDSHAKE):
        return headers
    return Headers((*headers.raw, _UPGRADE))
