"""What the upstream is sent ahead of the body: pure composition of a request's head.

The order is the protection: first everything is removed that belongs to the client's connection, that claims to be
the gateway's word, or that is a credential; then what the gateway has to say is added. A `Connection` field can
therefore never delete what was added (Traefik CVE-2024-45410), and no spelling of an identity field survives
(oauth2-proxy CVE-2025-64484).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum

import msgspec

from gateway.http1.field_names import HOP_BY_HOP, MESSAGE, is_told_by_us, named_by_connection
from gateway.model.decision import AccessRequest, HeaderPairs
from gateway.model.destination import FIELD, destination_of
from gateway.model.headers import Headers, spelling
from gateway.model.memo import AdmissionMemo, FieldNameMemo
from gateway.model.route import Route, UpstreamAddress
from gateway.model.target import Oddity, Target
from gateway.upstream.cookies import OwnCookies
from gateway.upstream.forward_context import ForwardContext

_CONSUMED = frozenset({b"expect", b"proxy"})
"""`Expect` is answered here; `Proxy` becomes HTTP_PROXY in a CGI-style upstream (httpoxy, CVE-2016-5385)."""

_UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
_IDENTITIES = 1024
"""Callers whose identity lines are remembered."""


def _is_nobodys(_canonical: bytes) -> bool:
    return False


class Stripped(msgspec.Struct, frozen=True):
    """What no client may tell an upstream.

    `identity` names, in canonical spelling (`gateway.model.headers.spelling`), are dropped always. `credentials`
    (header names, lower case) and `cookies` (cookie names, case as configured) are dropped unless the route forwards
    credentials: then the spelling that was judged is kept, and every other one is dropped. `foreign` tells whether a
    name, in canonical spelling, is another product's identity header, which is dropped too.
    """

    identity: frozenset[bytes] = frozenset()
    credentials: frozenset[bytes] = frozenset()
    cookies: frozenset[bytes] = frozenset()
    foreign: Callable[[bytes], bool] = _is_nobodys


class _RequestField(IntEnum):
    KEEP = 0
    DROP = 1
    CREDENTIAL = 2
    COOKIE = 3


class RequestHeads:
    """Composes request heads under one config.

    `via` is the pseudonym of a `Via` field (RFC 9110 section 7.6.3), or empty.
    """

    def __init__(self, stripped: Stripped, via: bytes = b"") -> None:
        self._stripped = stripped
        self._credentials = frozenset(map(spelling, stripped.credentials))
        self._cookies = OwnCookies(stripped.cookies)
        self._via = b"Via: 1.1 " + via + b"\r\n" if via else b""
        self._fates: FieldNameMemo[_RequestField] = FieldNameMemo()
        self._identities: AdmissionMemo[int, tuple[HeaderPairs, bytes]] = AdmissionMemo(_IDENTITIES)

    def compose(self, context: ForwardContext, upstream: UpstreamAddress) -> bytes:
        """Return the head of a request to `upstream`, its last empty line included."""
        decision = context.decision
        known = decision.access.made.get(self)
        if known is None or known[0] is not upstream:
            known = decision.access.made[self] = (upstream, self._constant_lines(context, upstream))
        return b"%b%b%b%b%b" % (
            known[1],
            _names(context),
            self._identity_lines(decision.identity),
            _UPGRADE if context.upgrading else b"",
            b"\r\n" if context.body is None else context.body.framing,
        )

    def _constant_lines(self, context: ForwardContext, upstream: UpstreamAddress) -> bytes:
        """Return the lines that equal requests have in common."""
        route, access = context.route, context.decision.access
        prefix = public_prefix(route, access) if route.strip_prefix or access.prefix else ""
        return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b%b%b" % (
            access.method.encode("ascii"),
            target_of(route, upstream, access.target).encode("ascii"),
            host_of(route, upstream, access),
            self._passing_lines(route, access.headers)
            if FIELD not in access.headers.by_name
            else b"".join([b"%b: %b\r\n" % field for field in self.passing(route, upstream, access)]),
            context.added,
            b"X-Forwarded-Prefix: %b\r\n" % prefix.encode("ascii") if prefix else b"",
            self._via,
        )

    def passing(self, route: Route, upstream: UpstreamAddress, access: AccessRequest) -> HeaderPairs:
        """Return which of the caller's fields an upstream of `route` gets, in order, and those that the route sets.

        The destination of a COPY or MOVE is sent as its target is: as it was judged, and beneath the same base path.
        """
        fields = self._passing(route, access.headers)
        destination = destination_of(access, tuple(Oddity))
        if destination is not None:
            sent = target_of(route, upstream, destination).encode("ascii")
            fields = ((name, sent if name.lower() == FIELD else value) for name, value in fields)
        return (*fields, *route.request_headers.fixed)

    def drops(self, name: bytes) -> bool:
        """Tell whether a caller's field of this name never goes to an upstream, whatever its route says."""
        fate = self._fates.get(name)
        return (self._fate(name) if fate is None else fate) is _RequestField.DROP

    def passing_cookie(self, headers: Headers, *, keep_credentials: bool) -> bytes | None:
        """Return the Cookie fields that an upstream gets, as one, empty where nothing is left; None without any."""
        values = headers.by_name.get(b"cookie")
        if not values:
            return None
        kept = [self._cookies.cut(value, keep_own=keep_credentials) for value in values] if self._cookies else values
        return b"; ".join([value for value in kept if value])

    def _passing_lines(self, route: Route, headers: Headers) -> bytes:
        """Return the lines of the caller's fields that may pass, and those that the route sets.

        Equal fields make equal lines.
        """
        key = (self, route.name)
        lines: bytes | None = headers.made.get(key)
        if lines is None:
            passing = b"".join([b"%b: %b\r\n" % field for field in self._passing(route, headers)])
            lines = headers.made[key] = passing + route.request_headers.lines
        return lines

    def _passing(self, route: Route, headers: Headers) -> Iterator[tuple[bytes, bytes]]:
        """Yield the caller's fields that may pass, in order."""
        keep_credentials, removed = route.forward_credentials, route.request_headers.spellings
        connection = headers.by_name.get(b"connection")
        named = named_by_connection(connection) if connection else None
        fates = self._fates
        for name, value in headers.raw:
            fate = fates.get(name)
            if fate is None:
                fate = self._fate(name)
            if fate is _RequestField.DROP or (fate is _RequestField.CREDENTIAL and not keep_credentials):
                continue
            kept = self._cookies.cut(value, keep_own=keep_credentials) if fate is _RequestField.COOKIE else value
            if (
                kept is not None
                and not (named and name.lower() in named)
                and not (removed and spelling(name) in removed)
            ):
                yield name, kept

    def _identity_lines(self, identity: HeaderPairs) -> bytes:
        """Return the lines of an identity; those of a cached session are the same object from request to request."""
        known = self._identities.get(id(identity))
        if known is not None and known[0] is identity:
            return known[1]
        lines = b"".join([b"%b: %b\r\n" % field for field in identity])
        self._identities.put(id(identity), (identity, lines), identity)
        return lines

    def _fate(self, name: bytes) -> _RequestField:
        return self._fates.keep(name, self._judge(name.lower(), spelling(name)))

    def _judge(self, lower: bytes, canonical: bytes) -> _RequestField:
        if self._is_ours(canonical):
            return _RequestField.DROP
        if canonical in MESSAGE:
            # `Content_Length` is another length to an upstream that folds names; the host is composed apart
            return _RequestField.KEEP if lower == b"content-length" else _RequestField.DROP
        if canonical in self._credentials:
            return _RequestField.CREDENTIAL if lower in self._stripped.credentials else _RequestField.DROP
        if self._stripped.foreign(canonical):
            return _RequestField.DROP
        if lower == b"cookie" and self._cookies:
            return _RequestField.COOKIE
        return _RequestField.KEEP

    def _is_ours(self, canonical: bytes) -> bool:
        """Tell whether a field is never the client's to send on."""
        return (
            canonical in HOP_BY_HOP
            or canonical in self._stripped.identity
            or canonical in _CONSUMED
            or is_told_by_us(canonical)
        )


def target_of(route: Route, upstream: UpstreamAddress, target: Target) -> str:
    """Return the target as it is sent: what was judged, without the route's prefix, beneath the upstream's base path.

    A path always begins with `/`.
    """
    prefix = route.strip_prefix
    path = upstream.path + (target.beneath(prefix) if prefix else target.path)
    return path if target.query is None else f"{path}?{target.query}"


def public_prefix(route: Route, access: AccessRequest) -> str:
    """Return what stands before the path that an upstream is sent, its base path aside, to whoever asks for it."""
    stripped = route.strip_prefix
    is_taken_off = stripped and access.target.beneath(stripped) != access.target.path
    return access.prefix + stripped if is_taken_off else access.prefix


def prefix_fields(route: Route, access: AccessRequest) -> HeaderPairs:
    """Return the field that tells an upstream of a prefix that was taken off, if one was; for `explain`."""
    prefix = public_prefix(route, access)
    return ((b"X-Forwarded-Prefix", prefix.encode("ascii")),) if prefix else ()


def _names(context: ForwardContext) -> bytes:
    """Return the lines that name this very request and its trace."""
    record = context.record
    names = b"X-Request-Id: %b\r\ntraceparent: %b\r\n" % (record.request_id.encode("ascii"), record.traceparent)
    # A `tracestate` belongs to its trace: beside one that begins here it would be a lie (Trace Context, 3.3).
    states = context.request.head.names.tracestate if record.trace_continued else ()
    return names + b"tracestate: %b\r\n" % b",".join(states) if states else names


def host_of(route: Route, upstream: UpstreamAddress, access: AccessRequest) -> bytes:
    """Return the Host that is sent: the one that was judged, unless the route wants the upstream's own."""
    if route.preserve_host:
        if access.authority:
            return access.authority.encode("ascii")
        values = access.headers.by_name.get(b"host")
        if values:
            return values[0]
    return upstream.authority.encode("ascii")
