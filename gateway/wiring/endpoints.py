"""The endpoints at the gateway's own paths, built from one config."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from gateway.authorities.authority import Authority
from gateway.authorities.directory_authority import DirectoryAuthority
from gateway.config.settings import Settings
from gateway.credentials.reader import Reader
from gateway.dialects.dialect import Renew
from gateway.dialects.dialect_kind import CookieIssue
from gateway.dialects.kinds import serve
from gateway.dialects.normal import Normal
from gateway.dialects.wacht import WachtSettings
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.endpoints.forward_auth.client_fields import ClientFields
from gateway.endpoints.forward_auth.forward_auth import AskingProxy, ForwardAuthEndpoint, allow_caching
from gateway.endpoints.forward_auth.kinds import build_reader
from gateway.endpoints.json_document import JsonDocumentEndpoint
from gateway.endpoints.networks import Networks
from gateway.endpoints.openapi import (
    action_operations,
    login_operations,
    openapi_document,
    public_operations,
    session_info_operations,
)
from gateway.endpoints.own_paths import DOCUMENT
from gateway.endpoints.session_cookies import CookieRenewal
from gateway.endpoints.session_info import SessionInfoEndpoint
from gateway.endpoints.sign_in.product_logins import PRODUCT_LOGINS
from gateway.gate import Gate
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found
from gateway.policy.limits import Limits
from gateway.signing import KeyRing
from gateway.upstream.request_head import RequestHeads
from gateway.wiring.acting import action_endpoints, endpoint_policy
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring

Now = Callable[[], float]

_JWKS_MAX_AGE = 300
"""Seconds that verifiers may keep our keys; a new key is to be published for as long before it signs."""


def own_endpoints(
    settings: Settings,
    gate: Gate,
    sessions: SessionsWiring,
    limits: Limits,
    process: Process,
    key_ring: KeyRing | None,
) -> Iterator[Endpoint]:
    """Yield the endpoints at own paths, but for those of forward-auth."""
    token = settings.identity.token
    if token is not None and key_ring is not None:
        yield JsonDocumentEndpoint(
            "jwks", token.jwks_path, lambda: msgspec.json.encode(key_ring.jwks()), f"public, max-age={_JWKS_MAX_AGE}"
        )
    renew = cookie_renewal(sessions.authorities)
    operations = public_operations(None if token is None else token.jwks_path)
    for each in settings.session_info:
        readers = tuple(sessions.readers[name] for name in each.credentials)
        dialect = serve(each, CookieIssue(_cookie(readers), renew))
        operations += session_info_operations(dialect, readers)
        yield SessionInfoEndpoint(
            dialect, endpoint_policy(each, readers), gate, sessions.session_of, limits, process.now
        )
    for acting, actions, readers in action_endpoints(settings, gate, sessions, limits, process):
        operations += action_operations(actions, readers)
        yield acting
    for _, product in settings.sign_in.logins() if settings.sign_in is not None else ():
        operations += login_operations(PRODUCT_LOGINS[product]())
    normal, all_readers = Normal(), tuple(sessions.readers.values())
    yield SessionInfoEndpoint(
        normal, EndpointPolicy(readers=all_readers), gate, sessions.session_of, limits, process.now
    )
    document = msgspec.json.encode(openapi_document([*operations, *session_info_operations(normal, all_readers)]))
    yield JsonDocumentEndpoint("openapi", DOCUMENT, lambda: document, "no-cache")


class ForwardAuthParts(msgspec.Struct, frozen=True):
    """What every forward-auth endpoint of a generation works with."""

    gate: Gate
    readers: Sequence[Reader]
    identity: IdentityHeaders
    heads: RequestHeads
    accesses: AccessReader
    now: Now


def forward_auth_endpoints(settings: Settings, parts: ForwardAuthParts) -> Iterator[ForwardAuthEndpoint]:
    """Yield the forward-auth endpoint of each proxy that the config has."""
    credentials = frozenset(name for reader in parts.readers for name in reader.headers)
    for name, each in settings.forward_auth.items():
        reader = build_reader(name, each)
        proxy = AskingProxy(reader, Networks(each.peers), each.path, allow_caching(each.max_age, reader, credentials))
        fields = ClientFields(reader, parts.heads, parts.identity.names, credentials)
        yield ForwardAuthEndpoint(proxy, parts.gate, parts.identity, fields, parts.accesses, parts.now)


def cookie_renewal(authorities: Mapping[str, Authority]) -> Renew:
    """Return what renews cookies: each directory renews those of its own sessions, other authorities none."""
    tokens = {
        name: each.tokens
        for name, each in authorities.items()
        if isinstance(each, DirectoryAuthority) and each.tokens is not None
    }

    def renew(found: Found, authority: str) -> str | None:
        return tokens[authority].renew_cookie(found) if authority in tokens else None

    return renew


def renewal_of(settings: Settings, sessions: SessionsWiring) -> CookieRenewal | None:
    """Return what renews cookies on proxied answers, None where no reader reads a cookie."""
    cookies = {name: _cookie((reader,)) for name, reader in sessions.readers.items() if reader.cookies}
    if not cookies:
        return None
    sign_in = settings.sign_in
    domains = {sign_in.reader: sign_in.cookie_domain} if sign_in is not None and sign_in.cookie_domain else {}
    return CookieRenewal(cookie_renewal(sessions.authorities), cookies, _in_development(settings), domains)


def development_cookies(settings: Settings, sessions: SessionsWiring) -> tuple[bytes, ...]:
    """Return the cookies that a token in the query may replace: those of development endpoints."""
    return tuple(cookie for name in _in_development(settings) for cookie in sessions.readers[name].cookies)


def _in_development(settings: Settings) -> tuple[str, ...]:
    endpoints = (each for each in settings.session_info if isinstance(each, WachtSettings) and each.development)
    return tuple(name for endpoint in endpoints for name in endpoint.credentials)


def _cookie(readers: Sequence[Reader]) -> str:
    """Return the name of the cookie that these readers read, empty where they read none."""
    return next((name.decode("ascii") for reader in readers for name in sorted(reader.cookies)), "")
