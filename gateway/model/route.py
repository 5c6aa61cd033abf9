"""What a request met: its rules, its upstream, its limits."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.credential import CredentialKind


class Access(StrEnum):
    """Who may pass: `required` a session, `optional` with or without, `public` reads no credential at all."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    PUBLIC = "public"


class OnMany(StrEnum):
    """What two credentials in one request mean: 401, or the first reader's in the order of the route's list."""

    REJECT = "reject"
    FIRST = "first"


class LimitBy(StrEnum):
    """Whose bucket a rate limit draws from."""

    ADDRESS = "address"
    SESSION = "session"
    API_KEY = "api_key"


class Match(msgspec.Struct, frozen=True):
    """Which requests a route meets.

    `host` is empty for any, a name, or `*.name` for one label more. `path` that ends in `/` is a prefix at a segment
    boundary and also meets itself without that slash; any other is exact. `methods` is empty for all.
    """

    path: str
    host: str = ""
    methods: frozenset[str] = frozenset()


class Require(msgspec.Struct, frozen=True):
    """What a session must show besides being one; an empty set asks nothing.

    Of `roles`, `organizations`, `projects`, `workspaces`, `kinds` and `email_domains` one of the listed is enough;
    of `all_roles` and `scopes` every one is needed.
    """

    roles: frozenset[str] = frozenset()
    all_roles: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    kinds: frozenset[CredentialKind] = frozenset()
    email_domains: frozenset[str] = frozenset()


class RateLimit(msgspec.Struct, frozen=True):
    """A token bucket: `rate` tokens a second, at most `burst` at once; `shared` by all replicas, or one each."""

    per: LimitBy
    rate: float
    burst: int
    shared: bool = True


PREFLIGHT_SECONDS = 600
"""How long a browser may keep a preflight's answer; ten minutes is as long as the strictest of them keep one."""


class CorsRules(msgspec.Struct, frozen=True):
    """Which foreign pages may read a route's answers, with the browser's credentials (Fetch standard).

    `origins` as browsers write them. `request_headers` are fields that a page may send besides those of the route's
    credentials, `exposed` those of an answer that it may read. `max_age` is in seconds.
    """

    origins: frozenset[str]
    request_headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int = PREFLIGHT_SECONDS


class Timeouts(msgspec.Struct, frozen=True):
    """Of one exchange with an upstream, in seconds.

    `connect`: until the connection stands. `response`: from the last byte of the request to the response's head.
    `idle`: between two reads of a body or a tunnel. `total`: of everything, 0 for no bound.
    """

    connect: float = 2.0
    response: float = 60.0
    idle: float = 60.0
    total: float = 0.0


class UpstreamAddress(msgspec.Struct, frozen=True):
    """Where one upstream listens."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Format as a URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route of the config. The object that was judged is the one that is forwarded to.

    `credentials` names the readers that are read, in order. `strip_prefix` has no trailing slash. `audience` is the
    `aud` of the identity token. `origins` are foreign origins that may use cookies with unsafe methods; those of
    `cors` are among them.
    `body_bytes` is the largest request body, 0 for no bound.
    """

    name: str
    match: Match
    access: Access = Access.REQUIRED
    credentials: tuple[str, ...] = ()
    on_many: OnMany = OnMany.REJECT
    require: Require = Require()
    origins: frozenset[str] = frozenset()
    upstream: tuple[UpstreamAddress, ...] = ()
    strip_prefix: str = ""
    preserve_host: bool = True
    forward_credentials: bool = False
    path_parameters: bool = False
    audience: str = ""
    body_bytes: int = 0
    timeouts: Timeouts = Timeouts()
    rate_limit: RateLimit | None = None
    cors: CorsRules | None = None
