"""What may stand under `routes` in the config, and the Route that it becomes.

The classes have the fields of the model's structs of the same name, which `msgspec.convert` fills from them.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field

from gateway.model.credential import CredentialKind
from gateway.model.errors import MalformedError
from gateway.model.field_changes import FieldChanges
from gateway.model.method import read_method
from gateway.model.route import (
    PREFLIGHT_SECONDS,
    Access,
    Challenge,
    HealthCheck,
    LimitBy,
    OnMany,
    Retry,
    Route,
    Sticky,
    Timeouts,
)
from gateway.model.target import parse_target
from gateway.source.addresses import LoginUrl, Origin, UpstreamList, host_name
from gateway.source.certificates import ClientTlsSettings
from gateway.source.json_paths import JsonPath
from gateway.source.names import CanonicalPath, FieldName, FixedFields, PathPrefix
from gateway.source.values import (
    Duration,
    PositiveDuration,
    Rate,
    SettingsModel,
    Size,
    StringList,
    listed,
)

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is letters, digits, dots, dashes and underscores, 64 at most: it labels metrics")
    return value


def _host(value: str) -> str:
    """Return a host pattern in the spelling in which hosts are matched; raises ValueError."""
    name = value.removeprefix("*.")
    try:
        return value.removesuffix(name) + host_name(name)
    except ValueError as error:
        raise ValueError(f"{error}, or *.example.com for one label more") from None


def _check_path(value: str) -> str:
    try:
        return str(parse_target(value))
    except MalformedError as error:
        raise ValueError(f"is no path to ask for: {error}") from None


def _alternatives(value: object) -> object:
    """Return a list of one for a single map, so that the config needs no dash."""
    return [value] if isinstance(value, dict) else value


def _written(value: object) -> object:
    """Return the values of a claim as texts: YAML reads `3` and `true` as others."""
    entries = value if isinstance(value, list) else [value]
    return [str(entry).lower() if isinstance(entry, bool | int) else entry for entry in entries]


def _method(value: str) -> str:
    """Return a method in upper case, as all that are known have it; raises ValueError."""
    try:
        return read_method(value.upper())
    except MalformedError as error:
        raise ValueError(f"can never match: {error}") from None


Name = Annotated[str, AfterValidator(_name)]
"""The name of a reader, an authority or a route."""

HostPattern = Annotated[str, AfterValidator(_host)]
"""A host name, or `*.name`."""

Method = Annotated[str, AfterValidator(_method)]
"""A method that is carried: any token (RFC 9110 section 9.1) but TRACE and CONNECT."""


class MatchSettings(SettingsModel):
    """Which requests a route matches; a key that is left out matches all."""

    host: HostPattern = ""
    path: CanonicalPath = "/"
    methods: Annotated[tuple[Method, ...], BeforeValidator(listed)] = ()


class RequireSettings(SettingsModel):
    """What a session must have; `gateway.model.route.Require` says of which lists one entry is enough."""

    roles: StringList = ()
    all_roles: StringList = ()
    organization_roles: StringList = ()
    organizations: StringList = ()
    projects: StringList = ()
    workspaces: StringList = ()
    scopes: StringList = ()
    kinds: Annotated[tuple[CredentialKind, ...], BeforeValidator(listed)] = ()
    email_domains: StringList = ()
    unverified_emails: bool = False
    claims: dict[JsonPath, Annotated[StringList, BeforeValidator(_written)]] = Field(default_factory=dict)
    any_of: tuple[RequireSettings, ...] = ()
    not_: Annotated[tuple[RequireSettings, ...], BeforeValidator(_alternatives)] = Field(default=(), alias="not")

    def every_claim(self) -> set[str]:
        """Return the claims that are asked for here and in the alternatives and exceptions."""
        inner = (each.every_claim() for each in (*self.any_of, *self.not_))
        return set(self.claims).union(*inner)


class TimeoutSettings(SettingsModel):
    """The time limits of one exchange with the upstream, in seconds."""

    connect: PositiveDuration = Timeouts().connect
    response: PositiveDuration = Timeouts().response
    idle: PositiveDuration = Timeouts().idle
    total: Duration = Timeouts().total


class RateLimitSettings(SettingsModel):
    """A token bucket: `rate` in tokens a second, `per` whose it is, `shared` by all replicas where there is a Redis."""

    per: LimitBy
    rate: Rate
    burst: int = Field(ge=1)
    shared: bool = True


class RouteCorsSettings(SettingsModel):
    """Which foreign pages may read a route's answers; `max_age` of a preflight is in seconds."""

    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = Field(min_length=1)
    request_headers: Annotated[tuple[FieldName, ...], BeforeValidator(listed)] = ()
    exposed: Annotated[tuple[FieldName, ...], BeforeValidator(listed)] = ()
    max_age: Annotated[Duration, AfterValidator(int)] = PREFLIGHT_SECONDS


class FieldChangesSettings(SettingsModel):
    """Header fields that are set whatever comes, and those that are left out; the value of one may be in a file."""

    set: FixedFields = Field(default_factory=dict)
    remove: Annotated[tuple[FieldName, ...], BeforeValidator(listed)] = ()

    def to_changes(self) -> FieldChanges:
        """Return what the model has of it."""
        fixed = ((name.encode("ascii"), value.get_secret_value().encode("ascii")) for name, value in self.set.items())
        return FieldChanges(tuple(fixed), tuple(name.encode("ascii") for name in self.remove))


class HealthCheckSettings(SettingsModel):
    """How often a route's upstreams are asked for `path`, and after how many answers they are left out and back.

    `interval` and `timeout` are in seconds.
    """

    path: Annotated[str, AfterValidator(_check_path)]
    interval: PositiveDuration = HealthCheck("").interval
    timeout: PositiveDuration = HealthCheck("").timeout
    failures: int = Field(default=HealthCheck("").failures, ge=1)
    successes: int = Field(default=HealthCheck("").successes, ge=1)


class OnUnauthenticatedSettings(SettingsModel):
    """Where a browser that opens a page without a session is sent; `{url}` is the page's address, percent-encoded."""

    redirect: LoginUrl


def _sticky(value: object) -> object:
    """Return `true` as the session that it stands for, and `false` as nothing."""
    return {True: Sticky.SESSION, False: None}[value] if isinstance(value, bool) else value


class RouteSettings(SettingsModel):
    """One route. Without `credentials` it reads every reader's; without `body_bytes` it has that of `limits`."""

    name: Name
    match: MatchSettings
    access: Access = Access.REQUIRED
    credentials: StringList | None = None
    on_many: OnMany = OnMany.REJECT
    challenge: Challenge = Challenge.BEARER
    on_unauthenticated: OnUnauthenticatedSettings | None = None
    sign_in: StringList | None = None
    require: RequireSettings = RequireSettings()
    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = ()
    upstream: UpstreamList = Field(min_length=1)
    tls: ClientTlsSettings = ClientTlsSettings()
    health_check: HealthCheckSettings | None = None
    sticky: Annotated[Sticky | None, BeforeValidator(_sticky)] = None
    retry: Retry = Retry.SAFE
    strip_prefix: PathPrefix = ""
    rewrite_paths: bool = False
    preserve_host: bool = True
    forward_credentials: bool = False
    path_parameters: bool = False
    encoded_slashes: bool = False
    empty_segments: bool = False
    any_bytes: bool = False
    case_sensitive: bool = False
    request_headers: FieldChangesSettings = FieldChangesSettings()
    response_headers: FieldChangesSettings = FieldChangesSettings()
    audience: str = ""
    body_bytes: int | None = Field(default=None, ge=0)
    buffer_body: Size = 0
    timeouts: TimeoutSettings = TimeoutSettings()
    rate_limit: RateLimitSettings | None = None
    cors: RouteCorsSettings | None = None

    def to_route(self, readers: tuple[str, ...], body_bytes: int) -> Route:
        """Return the model's Route; `readers` and `body_bytes` are what a route has that does not say."""
        credentials = readers if self.credentials is None else self.credentials
        resolved = {
            "request_headers": self.request_headers.to_changes(),
            "response_headers": self.response_headers.to_changes(),
            "sign_in": None,
            "on_unauthenticated": "" if self.on_unauthenticated is None else self.on_unauthenticated.redirect,
            "credentials": () if self.access is Access.PUBLIC else credentials,
            "origins": self.origins + (self.cors.origins if self.cors is not None else ()),
            "body_bytes": body_bytes if self.body_bytes is None else self.body_bytes,
        }
        return msgspec.convert(self.model_copy(update=resolved), Route, from_attributes=True)
