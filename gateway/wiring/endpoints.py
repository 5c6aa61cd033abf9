"""The endpoints at the gateway's own paths, built from one config."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.authorities.authority import Authority
from gateway.authorities.directory import DirectoryAuthority
from gateway.config.settings import Settings
from gateway.credentials.reader import Reader
from gateway.dialects.dialect import Renew
from gateway.dialects.kinds import DialectSettings, build_dialect
from gateway.dialects.normal import Normal
from gateway.dialects.wacht import COOKIE, WachtSettings
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.forward_auth.forward_auth import AskingProxy, ForwardAuthEndpoint, keeping
from gateway.endpoints.forward_auth.kinds import build_reader
from gateway.endpoints.networks import Networks
from gateway.endpoints.openapi import OpenApi, openapi_document, public_operations, session_info_operations
from gateway.endpoints.renewal import CookieRenewal
from gateway.endpoints.session_info import EndpointPolicy, SessionInfoEndpoint
from gateway.endpoints.well_known import WellKnownKeys
from gateway.gate import Gate
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found
from gateway.policy.cors import Cors
from gateway.policy.limits import Limits
from gateway.signing import KeyRing
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring

Now = Callable[[], float]

_JWKS_MAX_AGE = 300
"""Seconds that verifiers may keep our keys; a new key has to be published for as long before it signs."""


_EXPOSED = (b"X-Development-Session", b"Retry-After")
"""What a foreign page may read of an answer's header: the next token in development, and when to come back."""


def own_endpoints(
    settings: Settings,
    gate: Gate,
    identification: SessionsWiring,
    limits: Limits,
    process: Process,
    key_ring: KeyRing | None,
) -> Iterator[Endpoint]:
    """Yield every own endpoint of the public port."""
    token = settings.identity.token
    if token is not None and key_ring is not None:
        yield WellKnownKeys(token.jwks_path, key_ring.jwks, _JWKS_MAX_AGE)
    renew = cookie_renewal(identification.authorities)
    operations = public_operations(None if token is None else token.jwks_path)
    for each in settings.session_info:
        readers = tuple(identification.readers[name] for name in each.credentials)
        dialect = build_dialect(each, renew, _cookie(readers))
        operations += session_info_operations(dialect, readers)
        yield SessionInfoEndpoint(dialect, _policy(each, readers), gate, identification.session_of, limits, process.now)
    normal, every = Normal(), tuple(identification.readers.values())
    yield SessionInfoEndpoint(
        normal, EndpointPolicy(readers=every), gate, identification.session_of, limits, process.now
    )
    yield OpenApi(openapi_document([*operations, *session_info_operations(normal, every)]))


def forward_auth_endpoints(
    settings: Settings, gate: Gate, readers: Sequence[Reader], told: IdentityHeaders, accesses: AccessReader, now: Now
) -> Iterator[ForwardAuthEndpoint]:
    """Yield the endpoint of every proxy that may ask."""
    fields = frozenset(name for reader in readers for name in reader.headers)
    for _, each in settings.forward_auth.endpoints():
        reader = build_reader(each)
        proxy = AskingProxy(reader, Networks(each.peers), each.path, keeping(each.max_age, reader, fields))
        yield ForwardAuthEndpoint(proxy, gate, told, accesses, now)


def cookie_renewal(authorities: Mapping[str, Authority]) -> Renew:
    """Return what renews cookies: each directory those of its own sessions, and nobody those of others."""
    tokens = {
        name: each.tokens
        for name, each in authorities.items()
        if isinstance(each, DirectoryAuthority) and each.tokens is not None
    }

    def renew(found: Found, authority: str) -> str | None:
        return tokens[authority].renew_cookie(found) if authority in tokens else None

    return renew


def renewal_of(settings: Settings, identification: SessionsWiring) -> CookieRenewal | None:
    """Return what renews cookies on proxied answers; nothing where no cookie is read."""
    cookies = {name: _cookie((reader,)) for name, reader in identification.readers.items() if reader.cookies}
    if not cookies:
        return None
    return CookieRenewal(cookie_renewal(identification.authorities), cookies, _in_development(settings))


def development_cookies(settings: Settings, identification: SessionsWiring) -> tuple[bytes, ...]:
    """Return the cookies for which a token in the query stands: those of endpoints that are marked as development."""
    return tuple(cookie for name in _in_development(settings) for cookie in identification.readers[name].cookies)


def _in_development(settings: Settings) -> tuple[str, ...]:
    marked = (each for each in settings.session_info if isinstance(each, WachtSettings) and each.development)
    return tuple(name for each in marked for name in each.credentials)


def _cookie(readers: Sequence[Reader]) -> str:
    """Return the name of the cookie that these readers read, the product's own where they read none."""
    return next((name.decode("ascii") for reader in readers for name in sorted(reader.cookies)), COOKIE)


def _policy(settings: DialectSettings, readers: tuple[Reader, ...]) -> EndpointPolicy:
    cors = None
    if settings.cors is not None:
        fields = frozenset(name for reader in readers for name in reader.headers)
        cors = Cors(settings.cors.origins, fields, _EXPOSED)
    return EndpointPolicy(
        readers=readers,
        hosts=frozenset(settings.hosts),
        rate_limit=settings.rate_limit.to_rate_limit() if settings.rate_limit is not None else None,
        cors=cors,
        development=isinstance(settings, WachtSettings) and settings.development,
    )
