"""What a request is matched to: a route with its rules, its upstream and its limits."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.credential import CredentialKind
from gateway.model.field_changes import UNCHANGED, FieldChanges
from gateway.model.host import DEFAULT_PORTS


class Access(StrEnum):
    """Who may pass: `required` needs a session, `optional` does not, `public` reads no credential at all."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    PUBLIC = "public"


class OnMany(StrEnum):
    """What two credentials in one request mean: 401, or the one of the reader that the route lists first."""

    REJECT = "reject"
    FIRST = "first"


class Challenge(StrEnum):
    """What a 401 asks for (`WWW-Authenticate`): `basic` makes git ask for a password, and a browser show a dialog."""

    BEARER = "bearer"
    BASIC = "basic"


class Retry(StrEnum):
    """Which requests are sent again where a reused connection died: safe ones, or all idempotent ones."""

    SAFE = "safe"
    IDEMPOTENT = "idempotent"


class LimitBy(StrEnum):
    """Whose token bucket a rate limit counts in."""

    ADDRESS = "address"
    SESSION = "session"
    API_KEY = "api_key"


class Match(msgspec.Struct, frozen=True):
    """Which requests a route matches.

    `host` is empty for any, a name, or `*.name` for one label more. A `path` that ends in `/` is a prefix at a segment
    boundary and also matches itself without that slash; any other is exact. `methods` is empty for all.
    """

    path: str
    host: str = ""
    methods: frozenset[str] = frozenset()


class Require(msgspec.Struct, frozen=True):
    """What a route requires of a session; an empty set requires nothing.

    Of `roles`, `organization_roles`, `organizations`, `projects`, `workspaces`, `kinds` and `email_domains` one of the
    listed is enough; of `all_roles` and `scopes` every one is needed. `roles` are the user's own: that of a customer's
    organization is none of ours. Each of `claims` must have one of its values. One of `any_of` must be met besides, and
    none of `not_` may be. With `unverified_emails` an address counts that its issuer calls unverified.
    """

    roles: frozenset[str] = frozenset()
    all_roles: frozenset[str] = frozenset()
    organization_roles: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    kinds: frozenset[CredentialKind] = frozenset()
    email_domains: frozenset[str] = frozenset()
    unverified_emails: bool = False
    claims: dict[str, frozenset[str]] = {}
    any_of: tuple[Require, ...] = ()
    not_: tuple[Require, ...] = ()


class RateLimit(msgspec.Struct, frozen=True):
    """A token bucket: `rate` tokens a second, at most `burst` tokens; `shared` by all replicas, or one in each."""

    per: LimitBy
    rate: float
    burst: int
    shared: bool = True


PREFLIGHT_SECONDS = 600
"""How long a browser may cache a preflight's answer; the strictest browsers cache it for at most ten minutes."""


class CorsRules(msgspec.Struct, frozen=True):
    """Which foreign pages may read answers that depend on a credential (Fetch standard, "CORS protocol").

    `origins` are spelled as browsers do. `request_headers` are fields that a page may send besides those of the
    credentials, `exposed` the fields of an answer that it may read. `max_age` is in seconds.
    """

    origins: frozenset[str]
    request_headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int = PREFLIGHT_SECONDS


class Timeouts(msgspec.Struct, frozen=True):
    """The timeouts of one exchange with an upstream, in seconds.

    `connect`: until the connection is open. `response`: from the last byte of the request to the response's head.
    `idle`: between two reads of a body or a tunnel. `total`: the whole exchange, 0 for no limit.
    """

    connect: float = 2.0
    response: float = 60.0
    idle: float = 60.0
    total: float = 0.0


UNIX = "unix"
"""The scheme of an upstream at a socket file, which is spoken to as `http`."""


class UpstreamTls(msgspec.Struct, frozen=True):
    """How `https` upstreams are verified, and what they are shown.

    `ca_file` is trusted instead of the system's store. `cert_file` and `key_file` are the client certificate, where
    there is one. `server_name` is verified, and asked for by SNI, instead of the address.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str = ""


class HealthCheck(msgspec.Struct, frozen=True):
    """How upstreams are asked whether they serve: for `path`, every `interval` seconds, `timeout` seconds at most.

    After `failures` in a row an upstream is left out, after `successes` in a row it is back.
    """

    path: str
    interval: float = 5.0
    timeout: float = 1.0
    failures: int = 3
    successes: int = 1


class UpstreamAddress(msgspec.Struct, frozen=True):
    """The address of one upstream; at a socket file `host` is its path and `port` 0.

    `path` is what stands before every path that it is sent, without a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def authority(self) -> str:
        """The value of its Host field (RFC 9110 section 7.2), without the scheme's default port."""
        if self.scheme == UNIX:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Format as a URL, or as `unix:` and the path of a socket file."""
        if self.scheme == UNIX:
            return f"{UNIX}:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


class SignInOffer(msgspec.Struct, frozen=True):
    """Where a browser without a session may sign in: at these `providers`, or all where none is named, and `hosts`."""

    providers: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()


class Sticky(StrEnum):
    """Whose requests go to one upstream: those of one session (or key), or of one browser, by a cookie of ours."""

    SESSION = "session"
    COOKIE = "cookie"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route of the config; a request is forwarded by the same object that it was judged by.

    `on_unauthenticated` is the URL of a login, `{url}` in it the address that was opened; `sign_in` is our own.
    `credentials` names the readers that are used, in order. `strip_prefix` has no trailing slash, and `rewrite_paths`
    puts the upstream's own paths in its answers right. `audience` is the `aud` of the identity token. `origins` are the
    foreign origins that may use cookies with unsafe methods, those of `cors` among them. `body_bytes` is the size of
    the largest request body, 0 for no limit, and `buffer_body` that of the largest that is read whole before the
    upstream is asked. `sticky` says whose requests go to one upstream, as long as that serves, and
    `retry` which are sent again where a kept connection died. `case_sensitive` says that the upstream tells letter
    case, and a last slash, apart. `path_parameters`, `encoded_slashes`, `empty_segments` and `any_bytes` allow paths
    that servers read in several ways, as far as every reading is of this route.
    """

    name: str
    match: Match
    access: Access = Access.REQUIRED
    credentials: tuple[str, ...] = ()
    on_many: OnMany = OnMany.REJECT
    challenge: Challenge = Challenge.BEARER
    on_unauthenticated: str = ""
    sign_in: SignInOffer | None = None
    require: Require = Require()
    origins: frozenset[str] = frozenset()
    upstream: tuple[UpstreamAddress, ...] = ()
    tls: UpstreamTls = UpstreamTls()
    health_check: HealthCheck | None = None
    sticky: Sticky | None = None
    retry: Retry = Retry.SAFE
    strip_prefix: str = ""
    rewrite_paths: bool = False
    preserve_host: bool = True
    forward_credentials: bool = False
    path_parameters: bool = False
    encoded_slashes: bool = False
    empty_segments: bool = False
    any_bytes: bool = False
    case_sensitive: bool = False
    request_headers: FieldChanges = UNCHANGED
    response_headers: FieldChanges = UNCHANGED
    audience: str = ""
    body_bytes: int = 0
    buffer_body: int = 0
    timeouts: Timeouts = Timeouts()
    rate_limit: RateLimit | None = None
    cors: CorsRules | None = None
