"""What the endpoints of a sign-in work with: the providers, the accounts, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

import msgspec
import structlog

from gateway.endpoints.refusals import decision_refusal, method_not_allowed
from gateway.model.answers import Unavailable
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response
from gateway.model.external_identity import EndedAtIssuer, ExternalIdentity, ProviderTokens, Redeemed, SignInRefused
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import RateLimit
from gateway.policy.limits import Limits, RateLimiter, Taken
from gateway.policy.rules import Rules
from gateway.sign_in.flow import Flow, FlowCookies
from gateway.sign_in.return_target import SIGN_IN_PATH, ReturnTargets
from gateway.telemetry.record import RequestRecord

SIGN_OUT_PATH = "/_gateway/sign-out"
CALLBACK_PATH = f"{SIGN_IN_PATH}/callback/"

SENT_ON = ((b"Cache-Control", b"no-store"), (b"Referrer-Policy", b"no-referrer"))
"""Of every redirect: no cache may keep it, and nobody else is told the address that it comes from."""

_log = structlog.get_logger(__name__)


class SignInProvider(Protocol):
    """An OpenID provider as its client; see `gateway.authorities.openid_provider`."""

    name: str

    async def begin(self, flow: Flow, redirect_uri: str) -> str | Unavailable:
        """Return where the browser is sent to sign in."""

    async def redeem(
        self, code: str, iss: str | None, flow: Flow, redirect_uri: str
    ) -> Redeemed | SignInRefused | Unavailable:
        """Return who signed in, for the code that the browser brought back."""

    async def logout_url(self, id_token: str, back_to: str) -> str:
        """Return where the browser is sent to sign out at the issuer, or nothing."""

    async def logged_out(self, token: str) -> EndedAtIssuer | SignInRefused | Unavailable:
        """Return what a logout token ends."""


class Browser(msgspec.Struct, frozen=True):
    """Where a sign-in comes from: the client's address, the host that it asked, and the name that it gives itself."""

    ip: str
    host: str
    user_agent: str
    request_id: str


class IssuerSession(msgspec.Struct, frozen=True):
    """The issuer's side of a session: which provider began it, and its ID token."""

    provider: str
    id_token: str


class SignInAccounts(Protocol):
    """The directory in which sessions are begun and ended. Every method raises DirectoryError when it cannot be."""

    async def sign_in(
        self, identity: ExternalIdentity, tokens: ProviderTokens, browser: Browser, *, create: bool
    ) -> str | None:
        """Begin a session and return the value of its cookie; None for an unknown person who is not to be created."""

    async def issuer_session(self, session_id: str, browser: Browser) -> IssuerSession | None:
        """Return the issuer's side of a session, where it was begun at one."""

    async def end(self, session_id: str, browser: Browser) -> None:
        """End a session everywhere; one that is over already is no error."""

    async def end_at_issuer(self, ended: EndedAtIssuer, browser: Browser) -> bool:
        """End everywhere what a logout token names; False for a token that was used before."""


class ProviderEntry(msgspec.Struct, frozen=True):
    """One provider and what the config says of it; `create` new users, `ends_at_issuer` on a sign-out."""

    provider: SignInProvider
    title: str
    rules: Rules
    create: bool
    ends_at_issuer: bool
    back_channel: bool

    @property
    def name(self) -> str:
        """The provider's name in the config."""
        return self.provider.name


class PasswordEntry(msgspec.Struct, frozen=True):
    """A provider that is a form of ours, how often it may be tried, and the products whose clients it signs in."""

    name: str
    title: str
    per_name_and_address: RateLimit
    per_name: RateLimit
    per_address: RateLimit
    logins: tuple[str, ...] = ()


SignInEntry = ProviderEntry | PasswordEntry


class SignInParts(msgspec.Struct, frozen=True):
    """What all endpoints of a generation share. `now` is the monotonic clock of the records.

    `cookie` is the session cookie's name and `scope` its attributes besides the fixed ones.
    """

    providers: Mapping[str, SignInEntry]
    accounts: SignInAccounts
    flows: FlowCookies
    targets: ReturnTargets
    limiter: RateLimiter
    hosts: frozenset[str]
    cookie: str
    domain: str
    now: Callable[[], float]

    def session_cookie(self, value: str) -> tuple[bytes, bytes]:
        """Return the field that sets the session cookie, or takes it away where `value` is empty (RFC 6265)."""
        domain = f"; Domain={self.domain}" if self.domain else ""
        ends = "; Max-Age=0" if not value else ""
        text = f"{self.cookie}={value}; Path=/{domain}{ends}; HttpOnly; Secure; SameSite=Lax"
        return b"Set-Cookie", text.encode("ascii")


def refused(access: AccessRequest, record: RequestRecord, refusal: Refusal, fields: HeaderPairs = ()) -> Response:
    """Record a refusal, and word it for who sees it."""
    decision = Decision(access=access, refusal=refusal, rule="sign_in", caller_headers=fields)
    record.decision = decision
    return decision_refusal(decision, refusal)


def unavailable(access: AccessRequest, record: RequestRecord, detail: str) -> Response:
    """Answer that it cannot be done now; never a verdict on the person."""
    _log.warning("sign_in_unavailable", detail=detail, request_id=access.request_id)
    return refused(access, record, Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=5))


def turned_away(
    access: AccessRequest, record: RequestRecord, provider: str, detail: str, fields: HeaderPairs = ()
) -> Response:
    """Refuse what an issuer or a browser brought back, with the reason in the log alone."""
    _log.warning("sign_in_refused", provider=provider, detail=detail, request_id=access.request_id)
    return refused(access, record, Refusal(RefusalCode.FORBIDDEN, detail), fields)


async def turned_back(
    parts: SignInParts, methods: tuple[str, ...], access: AccessRequest, record: RequestRecord
) -> Response | None:
    """Return the answer to another method than `methods`, or to one request too many of this address."""
    if access.method not in methods:
        return method_not_allowed(methods, access.request_id)
    refusal = await _counted(parts, access)
    return None if refusal is None else refused(access, record, refusal)


async def _counted(parts: SignInParts, access: AccessRequest) -> Refusal | None:

    def same(taken: Taken | None) -> Taken | None:
        return taken

    counted = parts.limiter.count_address(access.client, same)
    taken = await counted if isinstance(counted, Coroutine) else counted
    return None if taken is None else taken.refusal


def limiter(limit: Any, limits: Limits) -> RateLimiter:
    """Return what counts requests of the sign-in's paths."""
    return RateLimiter("sign_in", limit, limits)
