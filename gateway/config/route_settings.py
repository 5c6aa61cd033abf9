"""What may stand under `routes` in the config, and the Route that it becomes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.model.credential import CredentialKind
from gateway.model.route import (
    PREFLIGHT_SECONDS,
    Access,
    CorsRules,
    LimitBy,
    Match,
    OnMany,
    RateLimit,
    Require,
    Route,
    Timeouts,
)
from gateway.source.addresses import UpstreamList
from gateway.source.names import FieldName
from gateway.source.origins import Origin, host_name
from gateway.source.paths import CanonicalPath, PathPrefix
from gateway.source.values import Duration, PositiveDuration, Rate, SettingsModel, StringList, listed

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""What is carried; TRACE and CONNECT never are."""


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is letters, digits, dots, dashes and underscores, 64 at most: it labels metrics")
    return value


def _host(value: str) -> str:
    """Check a host pattern, and spell it as hosts are matched."""
    name = value.removeprefix("*.")
    try:
        return value.removesuffix(name) + host_name(name)
    except ValueError as error:
        raise ValueError(f"{error}, or *.example.com for one label more") from None


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(_name)]
"""The name of a reader, an authority or a route."""

HostPattern = Annotated[str, AfterValidator(_host)]
"""A host name, or `*.name`."""


class MatchSettings(SettingsModel):
    """Which requests a route meets; what is not said is not asked."""

    host: HostPattern = ""
    path: CanonicalPath = "/"
    methods: Annotated[tuple[Annotated[Method, BeforeValidator(_upper)], ...], BeforeValidator(listed)] = ()

    def to_match(self) -> Match:
        """Return the model's noun."""
        return Match(path=self.path, host=self.host, methods=frozenset(self.methods))


class RequireSettings(SettingsModel):
    """What a session must show besides being one; see `gateway.model.route.Require` for any and all."""

    roles: StringList = ()
    all_roles: StringList = ()
    organizations: StringList = ()
    projects: StringList = ()
    workspaces: StringList = ()
    scopes: StringList = ()
    kinds: Annotated[tuple[CredentialKind, ...], BeforeValidator(listed)] = ()
    email_domains: StringList = ()

    def to_require(self) -> Require:
        """Return the model's noun."""
        return Require(**{name: frozenset(getattr(self, name)) for name in type(self).model_fields})


class TimeoutSettings(SettingsModel):
    """Of one exchange with the upstream."""

    connect: PositiveDuration = Timeouts().connect
    response: PositiveDuration = Timeouts().response
    idle: PositiveDuration = Timeouts().idle
    total: Duration = Timeouts().total

    def to_timeouts(self) -> Timeouts:
        """Return the model's noun, in seconds."""
        return Timeouts(connect=self.connect, response=self.response, idle=self.idle, total=self.total)


class RateLimitSettings(SettingsModel):
    """A token bucket; `per` says whose, `shared` that all replicas count in one, where there is a Redis."""

    per: LimitBy
    rate: Rate
    burst: int = Field(ge=1)
    shared: bool = True

    def to_rate_limit(self) -> RateLimit:
        """Return the model's noun, in tokens a second."""
        return RateLimit(per=self.per, rate=self.rate, burst=self.burst, shared=self.shared)


class RouteCorsSettings(SettingsModel):
    """Which foreign pages may read a route's answers; see `gateway.model.route.CorsRules`."""

    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = Field(min_length=1)
    request_headers: Annotated[tuple[FieldName, ...], BeforeValidator(listed)] = ()
    exposed: Annotated[tuple[FieldName, ...], BeforeValidator(listed)] = ()
    max_age: Duration = float(PREFLIGHT_SECONDS)

    def to_rules(self) -> CorsRules:
        """Return the model's noun, in whole seconds."""
        return CorsRules(frozenset(self.origins), self.request_headers, self.exposed, int(self.max_age))


class RouteSettings(SettingsModel):
    """One route. `credentials` left out means every reader; `body_bytes` left out, what `limits` says."""

    name: Name
    match: MatchSettings
    access: Access = Access.REQUIRED
    credentials: StringList | None = None
    on_many: OnMany = OnMany.REJECT
    require: RequireSettings = RequireSettings()
    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = ()
    upstream: UpstreamList = Field(min_length=1)
    strip_prefix: PathPrefix = ""
    preserve_host: bool = True
    forward_credentials: bool = False
    path_parameters: bool = False
    audience: str = ""
    body_bytes: int | None = Field(default=None, ge=0)
    timeouts: TimeoutSettings = TimeoutSettings()
    rate_limit: RateLimitSettings | None = None
    cors: RouteCorsSettings | None = None

    def to_route(self, readers: tuple[str, ...], body_bytes: int) -> Route:
        """Return the model's noun; `readers` and `body_bytes` stand in where the route does not say."""
        listed = readers if self.credentials is None else self.credentials
        cors = self.cors.to_rules() if self.cors is not None else None
        return Route(
            name=self.name,
            match=self.match.to_match(),
            access=self.access,
            credentials=() if self.access is Access.PUBLIC else listed,
            on_many=self.on_many,
            require=self.require.to_require(),
            origins=frozenset(self.origins) | (cors.origins if cors is not None else frozenset()),
            upstream=self.upstream,
            strip_prefix=self.strip_prefix,
            preserve_host=self.preserve_host,
            forward_credentials=self.forward_credentials,
            path_parameters=self.path_parameters,
            audience=self.audience,
            body_bytes=body_bytes if self.body_bytes is None else self.body_bytes,
            timeouts=self.timeouts.to_timeouts(),
            rate_limit=self.rate_limit.to_rate_limit() if self.rate_limit is not None else None,
            cors=cors,
        )
