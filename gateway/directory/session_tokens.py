"""The signed tokens that name a session of the directory: access tokens for programs, cookie tokens for browsers.

A token grants nothing by itself: it names a session, and the session's row says whether that still counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec

from gateway.model.answers import Found
from gateway.model.errors import DirectoryError
from gateway.model.session import Session
from gateway.signing import KeyRing, TokenFault

ACCESS_TYP = "at+jwt"
"""The `typ` of access tokens (RFC 9068 section 2.1)."""

COOKIE_TYP = "session-cookie+jwt"
"""The `typ` of cookie tokens, so that a cookie's value is refused as a bearer token, and the reverse."""

_WHOLE_SECONDS = timedelta(seconds=1)
"""What a token's times leave out of an instant."""

RENEWED_AFTER = 60.0
"""Seconds from a cookie token's issue to its renewal: the wacht product renews a session's cookie once a minute."""


class SessionClaims(msgspec.Struct, frozen=True):
    """The claims of a verified token: which session of which user, and from when to when."""

    session_id: str
    subject: str
    issued_at: datetime
    expires_at: datetime


class TokenLifetimes(msgspec.Struct, frozen=True):
    """For how many seconds tokens are good: access tokens, cookie tokens, and refresh tokens.

    Refresh tokens are random and not signed; the one before the current one may come again within `refresh_leeway`.
    """

    ttl: float = 3600.0
    cookie_ttl: float = 86400.0
    refresh_ttl: float = 90 * 86400.0
    refresh_leeway: float = 0.0


_LIFETIMES = TokenLifetimes()


class SessionTokens:
    """Issues and verifies both kinds of token; `clock` is in epoch seconds.

    No token outlives its session's own expiry.
    """

    def __init__(
        self,
        key_ring: KeyRing,
        issuer: str,
        audience: str,
        clock: Callable[[], float],
        lifetimes: TokenLifetimes = _LIFETIMES,
    ) -> None:
        self._key_ring = key_ring
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self.ttl = lifetimes.ttl
        self.refresh_ttl = lifetimes.refresh_ttl
        self.refresh_leeway = lifetimes.refresh_leeway
        self._cookie_ttl = lifetimes.cookie_ttl

    def issue_access(self, session: Session, ttl: float | None = None) -> str:
        """Sign an access token for `ttl` seconds; raises DirectoryError for an expired session or one without id."""
        return self._sign(ACCESS_TYP, session, self.ttl if ttl is None else ttl)

    def lasts(self, ends_at: datetime | None) -> int:
        """Return for how many seconds an access token is good that is issued now, in a session that ends then."""
        left = self.ttl if ends_at is None else ends_at.timestamp() - self._clock()
        return int(min(self.ttl, left))

    def issue_cookie(self, session: Session, ttl: float | None = None) -> str:
        """Sign a cookie token for `ttl` seconds; raises DirectoryError for an expired session or one without an id."""
        return self._sign(COOKIE_TYP, session, self._cookie_ttl if ttl is None else ttl)

    def renew_cookie(self, found: Found) -> str | None:
        """Return a new cookie token once the current one is old enough; the current one stays good until it expires.

        None while it is young, or when it already lasts as long as the session itself.
        """
        session, issued_at = found.session, found.issued_at
        if issued_at is None or session.id is None or self._clock() - issued_at.timestamp() < RENEWED_AFTER:
            return None
        ends_at, lasts_until = session.expires_at, found.expires_at
        if ends_at is not None and lasts_until is not None and lasts_until + _WHOLE_SECONDS > ends_at:
            return None
        return self.issue_cookie(session)

    def verify_access(self, token: str) -> SessionClaims | TokenFault:
        """Verify an access token; never raises."""
        return self._verify(ACCESS_TYP, token)

    def verify_cookie(self, token: str) -> SessionClaims | TokenFault:
        """Verify a cookie token; never raises."""
        return self._verify(COOKIE_TYP, token)

    def _sign(self, typ: str, session: Session, ttl: float) -> str:
        """Sign a token for `ttl` seconds; raises DirectoryError for an expired session or one without an id."""
        now = int(self._clock())
        expires_at = now + ttl
        if session.expires_at is not None:
            expires_at = min(expires_at, session.expires_at.timestamp())
        if session.id is None or expires_at <= now:
            raise DirectoryError("a token needs a session that has not expired, and a time to live")
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": session.subject,
            "sid": session.id,
            "iat": now,
            "exp": int(expires_at),
            "jti": uuid4().hex,
        }
        return self._key_ring.sign(typ, claims)

    def _verify(self, typ: str, token: str) -> SessionClaims | TokenFault:
        claims = self._key_ring.verify(token, typ=typ, issuer=self._issuer, audience=self._audience, now=self._clock())
        if isinstance(claims, TokenFault):
            return claims
        session_id, subject = claims.get("sid"), claims.get("sub")
        if not isinstance(session_id, str) or not isinstance(subject, str):
            return TokenFault.MALFORMED
        return SessionClaims(session_id, subject, _instant(claims["iat"]), _instant(claims["exp"]))


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
