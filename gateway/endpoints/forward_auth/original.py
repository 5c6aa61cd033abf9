"""The request that another proxy asks about, and the rules by which every endpoint reads it.

One endpoint a proxy, each reading only what its proxy overwrites: an endpoint that reads whichever header is there was
bypassed through nginx and Envoy, which pass on what the client writes (FACTS, "Forward-auth"; oauth2-proxy
CVE-2026-40575). So a request with the headers of another proxy's way of telling is refused, and so is one whose
original target is not told exactly once (Authelia CVE-2021-32637, authentik CVE-2026-25748).
"""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec
from pydantic import AfterValidator, Field

from gateway.endpoints.access_reader import AccessReader, read_method
from gateway.model.decision import AccessRequest
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.host import DEFAULT_PORTS, parse_authority
from gateway.model.refusal import Refusal, RefusalCode
from gateway.source.names import PathPrefix
from gateway.source.values import Duration, Network, SettingsModel

_TELLING = frozenset(
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
"""Fields by which some proxy or other says what was asked for."""

_HANDSHAKE = (b"sec-websocket-key", b"sec-websocket-version")
"""End-to-end fields of a WebSocket handshake (RFC 6455 section 4.1); no page can set or leave them out."""

_UPGRADE = (b"Upgrade", b"websocket")

_LONGEST_KEPT = 3600
"""Seconds that an allow may be kept at most: no revocation reaches it where it is kept."""


class Original(msgspec.Struct, frozen=True):
    """What was asked for and by whom, in the proxy's words: nothing is read into them yet.

    `target` is in origin-form; `client` is an address, or a list of those on the way, the nearest last.
    """

    method: str
    scheme: str
    authority: str
    target: str
    client: str


class OriginalReader(Protocol):
    """Finds out what one kind of proxy asks about. Pure: no look-up, no I/O.

    `name` is the proxy's. `told` are the lower-case names of the fields that this proxy overwrites and we believe.
    `every_path` says that decision requests come at every path that begins with the endpoint's own.
    """

    name: str
    told: frozenset[bytes]
    every_path: bool

    def read(self, asked: AccessRequest) -> Original:
        """Return the original request; raises MalformedError (400) for what the proxy cannot have said."""

    def fold(self, refusal: Refusal) -> Refusal:
        """Return the refusal as this proxy understands it."""


def _somewhere(value: str) -> str:
    if not value:
        raise ValueError("an endpoint is not at every path")
    return value


EndpointPath = Annotated[PathPrefix, AfterValidator(_somewhere)]
"""Where an endpoint is."""


class ForwardAuthEndpointSettings(SettingsModel):
    """Where the endpoint is, who may ask (nobody by default), and how long an allow may be kept, 0 for not at all."""

    path: EndpointPath
    peers: tuple[Network, ...] = ()
    max_age: Annotated[Duration, Field(le=_LONGEST_KEPT)] = 0.0


def restore(reader: OriginalReader, asked: AccessRequest, accesses: AccessReader) -> AccessRequest:
    """Return the request that `asked` is about, read as strictly as one that comes straight from its client.

    `asked.peer` is one whose word is believed. Raises MalformedError for what cannot be understood without guessing,
    and for the headers of another proxy.
    """
    _refuse_foreign(asked.headers, reader.told)
    original = reader.read(asked)
    if original.scheme not in DEFAULT_PORTS:
        raise malformed("the original scheme is neither http nor https")
    return AccessRequest(
        method=read_method(original.method),
        scheme=original.scheme,
        host=parse_authority(original.authority, original.scheme),
        target=accesses.target(original.target),
        headers=_with_upgrade(asked.headers),
        peer=asked.peer,
        client=accesses.client(original.client, asked.peer),
        received_at=asked.received_at,
        request_id=asked.request_id,
    )


def only(headers: Headers, name: bytes) -> str:
    """Return the one value of a field that the proxy overwrites; raises MalformedError for none, two, or nothing."""
    values = headers.all(name)
    if len(values) != 1 or not values[0]:
        raise malformed(f"there is not exactly one {name.decode('ascii')}")
    return values[0].decode("latin-1")


def malformed(detail: str) -> MalformedError:
    """Return the error (400) of a decision request that cannot be what its proxy sends."""
    return MalformedError(Refusal(RefusalCode.MALFORMED, detail))


def _refuse_foreign(headers: Headers, told: frozenset[bytes]) -> None:
    for name in _TELLING - told:
        if name in headers:
            raise malformed("a header by which another proxy tells the original request")


def _with_upgrade(headers: Headers) -> Headers:
    """Return the fields with the upgrade that the proxy's hop took away: origins are judged by it.

    `Upgrade` belongs to one connection, and most proxies drop it from the decision request; the handshake's own
    fields come through.
    """
    if b"upgrade" in headers or not any(name in headers for name in _HANDSHAKE):
        return headers
    return Headers((*headers.raw, _UPGRADE))
