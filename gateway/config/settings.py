"""The whole config as one frozen value; the settings of each kind stand in the kind's own file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import BeforeValidator, Field, SecretStr, field_validator

from gateway.admin.settings import AdminSettings
from gateway.authorities.kinds import AuthoritySettings
from gateway.config.route_settings import Name, RouteSettings
from gateway.config.sign_in_settings import SignInSettings
from gateway.credentials.kinds import ReaderSettings, read_by_default
from gateway.dialects.kinds import DialectSettings
from gateway.dialects.own_sessions import OwnSessionsSettings
from gateway.endpoints.forward_auth.kinds import ForwardAuthSettings
from gateway.ext_authz.settings import ExtAuthzSettings
from gateway.identity.header_names import CLAIM, DEFAULT_NAMES, IdentityNames
from gateway.model.route import Route, SignInOffer
from gateway.model.url import fault_of_url
from gateway.resilience.shares import BUFFERED, STREAMS_PER_ADDRESS
from gateway.source.addresses import HostName, Listen, ListenAddress, ListenList
from gateway.source.names import CanonicalPath, FieldName
from gateway.source.values import (
    Duration,
    FileMode,
    Peer,
    PositiveDuration,
    Rate,
    Secret,
    SecretList,
    SettingsModel,
    listed,
)
from gateway.telemetry.log_writer import LOG_BYTES

_KIB = 1024
_REDIS_URL = re.compile(r"(?:unix|rediss?(?:\+(?:sentinel|cluster))?)://.", re.ASCII)


def _workers(value: object) -> object:
    """Return the number of cores that this process may use for `auto`."""
    return len(os.sched_getaffinity(0)) if value == "auto" else value


def _no_token(value: object) -> object:
    """Return no tokens for `null`, which a variable that is not set becomes."""
    return () if value is None else value


class TlsSettings(SettingsModel):
    """The certificate chain of the public port, leaf first, and its key, in PEM."""

    cert_file: Path
    key_file: Path


class ListenSettings(SettingsModel):
    """Where the gateway listens, and how its workers live; times in seconds.

    `drain` bounds the requests in flight at the end, and is less than the 30 s that Kubernetes waits by default. Every
    `watch` the config and the files that it names are checked for changes; 0 is never. A worker that does not reply for
    `worker_timeout` is killed and replaced; 0 is never. Without an `admin_token` nobody may revoke over the admin port.
    `admin_hosts` are the host names by which the admin and health ports may be asked. `socket_mode` is that of socket
    files. With `proxy_protocol` a connection of a trusted proxy begins with whom it is for. At `grpc` Envoy asks.
    """

    public: ListenList = (ListenAddress("0.0.0.0", 8080),)  # noqa: S104 - the public port is for everybody
    admin: Listen = ListenAddress("127.0.0.1", 9090)
    health: Listen | None = None
    grpc: Listen | None = None
    socket_mode: FileMode = 0o660
    proxy_protocol: bool = False
    tls: TlsSettings | None = None
    workers: Annotated[int, Field(ge=1, le=1024), BeforeValidator(_workers)] = 1
    worker_timeout: Duration = 30.0
    drain: Duration = 20.0
    watch: Duration = 1.0
    admin_token: Annotated[SecretList, BeforeValidator(_no_token)] = ()
    admin_hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = ()


class RedisSettings(SettingsModel):
    """The shared tier and the bus; `timeout` is in seconds. The URL is a secret because it may hold a password."""

    url: Secret
    key_prefix: str = "gw:"
    timeout: PositiveDuration = 0.05

    @field_validator("url")
    @classmethod
    def _can_be_read(cls, value: SecretStr) -> SecretStr:
        """Refuse a URL that no client can be made of; raises ValueError, whose text does not show it."""
        url = value.get_secret_value()
        if not _REDIS_URL.match(url):
            raise ValueError("begins with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")
        if not url.startswith("unix:") and (fault := fault_of_url(url)):
            raise ValueError(fault)
        from gateway.redis.client import connect  # noqa: PLC0415 - redis-py takes half a second to load

        connect(url, 1.0)
        return value


class CacheSettings(SettingsModel):
    """For how many seconds an answer serves, as CacheTimes says, and how many answers this process keeps."""

    fresh: PositiveDuration = 60.0
    stale: Duration = 600.0
    negative: Duration = 5.0
    unheard: Duration = 1.0
    revoked: PositiveDuration = 86400.0
    memory_entries: int = Field(default=100_000, ge=1)


class UpstreamsSettings(SettingsModel):
    """The pool of each upstream and when a failing one is ejected, as PoolLimits and HealthLimits say; in seconds."""

    connections: int = Field(default=1024, ge=1)
    streams: int = Field(default=4096, ge=0)
    queue: int = Field(default=1024, ge=0)
    queue_timeout: PositiveDuration = 1.0
    keep_alive: PositiveDuration = 4.0
    max_age: PositiveDuration = 300.0
    head_bytes: int = Field(default=64 * _KIB, ge=_KIB)
    dns_ttl: PositiveDuration = 30.0
    failures: int = Field(default=3, ge=1)
    eject: PositiveDuration = 1.0


class IdentityTokenSettings(SettingsModel):
    """The signed identity token, `ttl` in seconds, and where its keys are published."""

    header: FieldName = "X-Identity-Token"
    issuer: str = Field(min_length=1)
    ttl: PositiveDuration = 60.0
    keys_file: Path
    jwks_path: CanonicalPath = "/.well-known/jwks.json"


class IdentitySettings(SettingsModel):
    """What the upstream is told of the caller. A value longer than `value_bytes` refuses the request.

    `from_clients` are other products' identity headers that clients may send all the same.
    """

    headers: IdentityNames = Field(default_factory=lambda: dict(DEFAULT_NAMES))
    value_bytes: int = Field(default=4096, ge=64)
    from_clients: tuple[FieldName, ...] = ()
    token: IdentityTokenSettings | None = None


class TelemetrySettings(SettingsModel):
    """What is recorded. `sample_allowed` is the share of allowed requests that are logged; refusals always are.

    `buffer_bytes` of log lines may wait for whoever reads them; what is beyond is dropped.
    `traces` is the protocol of spans; where to, how many and under which name is said by OpenTelemetry's own variables
    (OTEL_*).
    """

    access_log: bool = True
    format: Literal["json", "console"] = "json"
    sample_allowed: float = Field(default=1.0, ge=0.0, le=1.0)
    buffer_bytes: int = Field(default=LOG_BYTES, ge=64 * _KIB)
    traces: Literal["none", "otlp"] = "none"


class RejectedLookupsSettings(SettingsModel):
    """How many unknown credentials of one client address an authority may reject: `burst` at once, then `rate`."""

    rate: Rate = 50.0
    burst: int = Field(default=1000, ge=1)


class LimitSettings(SettingsModel):
    """What one client may send to the public port; times in seconds, rates in bytes a second, 0 no bound."""

    head_bytes: int = Field(default=32 * _KIB, ge=_KIB)
    headers: int = Field(default=128, ge=8)
    target_bytes: int = Field(default=8 * _KIB, ge=64)
    cookies: int = Field(default=512, ge=1)
    body_bytes: int = Field(default=0, ge=0)
    head_timeout: PositiveDuration = 10.0
    body_stall: PositiveDuration = 30.0
    idle: PositiveDuration = 75.0
    connections: int = Field(default=10_000, ge=1)
    connections_per_address: int = Field(default=1000, ge=1)
    bodies_per_address: int = Field(default=200, ge=1)
    streams_per_address: int = Field(default=STREAMS_PER_ADDRESS, ge=1)
    buffered_bytes: int = Field(default=BUFFERED, ge=0)
    body_wait: Duration = 0.5
    least_rate: int = Field(default=500, ge=0)
    remembered_bytes: int = Field(default=16 * _KIB * _KIB, ge=0)
    rejected_lookups: RejectedLookupsSettings | None = RejectedLookupsSettings()


class Sections(SettingsModel):
    """The sections of a config, each valid by itself: all but the parts that have names and the lists."""

    listen: ListenSettings = ListenSettings()
    secret: SecretList = ()
    trusted_proxies: tuple[Peer, ...] = ()
    redis: RedisSettings | None = None
    cache: CacheSettings = CacheSettings()
    sessions: OwnSessionsSettings | None = None
    identity: IdentitySettings = IdentitySettings()
    forward_auth: ForwardAuthSettings = Field(default_factory=dict)
    ext_authz: ExtAuthzSettings = ExtAuthzSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    limits: LimitSettings = LimitSettings()
    upstreams: UpstreamsSettings = UpstreamsSettings()
    admin: AdminSettings = AdminSettings()
    sign_in: SignInSettings | None = None


class Settings(Sections):
    """One config. Only `secret` is required: a default one would be known to everybody."""

    secret: SecretList = Field(min_length=1)
    authorities: dict[Name, AuthoritySettings] = Field(default_factory=dict)
    credentials: dict[Name, ReaderSettings] = Field(default_factory=dict)
    session_info: tuple[DialectSettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()


def free_claims(settings: Settings) -> tuple[str, ...]:
    """Return the claims that identity headers and rules ask for, in one order, whichever asks first."""
    headers = {field.removeprefix(CLAIM) for field in settings.identity.headers if field.startswith(CLAIM)}
    return tuple(sorted(headers.union(*(route.require.every_claim() for route in settings.routes))))


def to_routes(settings: Settings) -> tuple[Route, ...]:
    """Return the model's routes, in the config's order."""
    readers = read_by_default(settings.credentials)
    routes = (route.to_route(readers, settings.limits.body_bytes) for route in settings.routes)
    pairs = zip(routes, settings.routes, strict=True)
    return tuple(_with_sign_in(route, each, settings.sign_in) for route, each in pairs)


def _with_sign_in(route: Route, settings: RouteSettings, sign_in: SignInSettings | None) -> Route:
    """Return the route with what it offers a browser: all providers, its own list, or nothing (an empty list)."""
    reads = sign_in is not None and sign_in.reader in route.credentials
    if sign_in is None or not reads or settings.sign_in == () or route.on_unauthenticated:
        return route
    offer = SignInOffer(settings.sign_in or (), frozenset(sign_in.hosts))
    return msgspec.structs.replace(route, sign_in=offer)
