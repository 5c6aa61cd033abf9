"""Tokens that an issuer signed (RFC 7519), verified here with its published keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

import jwt as pyjwt
import msgspec
from jwt.api_jws import PyJWS
from pydantic import Field
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.claims import ClaimMap, Claims, instant_of, listed, session_of_claims
from gateway.authorities.http_client import HttpAuthoritySettings, HttpClient, TrustedEndpointUrl
from gateway.authorities.key_set import JwtAlgorithm, KeySet, KeyTimes
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import UNDECODABLE
from gateway.signing import is_spelled_once
from gateway.source.values import Duration, PositiveDuration, StringList

_POINTERS = frozenset({"jku", "x5u", "jwk", "x5c", "crit", "b64"})
"""Header parameters by which a token would choose its own key or rules (RFC 8725 section 3.10)."""

_TYPES = frozenset({"jwt", "at+jwt"})
"""The `typ` of an access token (RFC 9068 section 2.1); it may be missing. Any other is a token of another purpose, like
a logout token, and must not pass for an access token (RFC 8725 section 3.11)."""

_REJECTED = Rejected(Reason.UNKNOWN)

_END_OF_TIME = 253402300800.0
"""Epoch seconds of the year 10000, where datetimes end."""


class JwtSettings(HttpAuthoritySettings):
    """An issuer's tokens, whose `aud` must name one of `audience`.

    `leeway` is how many seconds the issuer's clock may be ahead of ours in `nbf` and `iat`; an expiry has none. The
    `jwks_` keys are those of `KeyTimes`. A token longer than `token_bytes` is not decoded.
    """

    kind: Literal["jwt"]
    issuer: str = Field(min_length=1)
    audience: StringList = Field(min_length=1)
    jwks_url: TrustedEndpointUrl
    algorithms: tuple[JwtAlgorithm, ...] = Field(min_length=1)
    claims: ClaimMap = ClaimMap()
    leeway: Duration = 10.0
    token_bytes: int = Field(default=16384, ge=256)
    jwks_fresh: PositiveDuration = KeyTimes().fresh
    jwks_cooldown: PositiveDuration = KeyTimes().cooldown
    jwks_stale: PositiveDuration = KeyTimes().stale


class _ParsedToken(msgspec.Struct, frozen=True):
    """A decoded token whose signature was not checked yet."""

    header: dict[str, Any]
    claims: Claims


class JwtAuthority(Authority):
    """Verifies one issuer's tokens; any other token is *not mine*.

    `clock` is in epoch seconds, for the times of tokens, and `now` in monotonic ones, for the age of keys.
    """

    memory_only = True

    def __init__(
        self, name: str, settings: JwtSettings, clock: Callable[[], float], now: Callable[[], float] = monotonic
    ) -> None:
        self.name = name
        self.verdict_digest = verdict_digest(
            "jwt",
            settings.issuer,
            settings.audience,
            settings.jwks_url,
            settings.algorithms,
            settings.claims.model_dump(),
        )
        self._settings = settings
        self._audience = frozenset(settings.audience)
        self._clock = clock
        self._jws = PyJWS(algorithms=list(settings.algorithms))  # it cannot verify by any other
        self._client = HttpClient(settings.jwks_url, settings)
        times = KeyTimes(settings.jwks_fresh, settings.jwks_cooldown, settings.jwks_stale)
        self._keys = KeySet(self._client, settings.algorithms, times, now)

    @override
    async def look_up(self, credential: Credential) -> Answer:
        """Return the token's session, Rejected for a bad one in this issuer's name, `None` for any other.

        Before the signature is checked, the claims decide one thing alone: whether the token is another issuer's.
        """
        if credential.kind not in {CredentialKind.BEARER, CredentialKind.COOKIE}:
            return None
        token = credential.parts[0]
        parsed = self._parse(token)
        if parsed is None or parsed.claims.get("iss") != self._settings.issuer:
            return None
        algorithm = _acceptable(parsed.header, self._settings.algorithms)
        if algorithm is None:
            return _REJECTED
        keys = await self._keys.find(str(parsed.header.get("kid", "")), algorithm)
        if isinstance(keys, Unavailable):
            return keys
        if not any(self._is_signed(token, key, algorithm) for key in keys):
            return _REJECTED
        return self._judge(parsed.claims)

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return `Rejected(gone)`: a token names no session but its own."""
        return Rejected(Reason.GONE)

    @override
    async def close(self) -> None:
        await self._client.close()

    def _parse(self, token: str) -> _ParsedToken | None:
        """Decode a token; `None` for what is no JWT in compact form (RFC 7519 section 7.2)."""
        if len(token) > self._settings.token_bytes or not token.isascii():
            return None
        try:
            parts = self._jws.decode_complete(token, options={"verify_signature": False})
            claims = msgspec.json.decode(parts["payload"], type=Claims)
        except (pyjwt.PyJWTError, *UNDECODABLE):
            return None
        return _ParsedToken(parts["header"], claims) if is_spelled_once(token, parts["signature"]) else None

    def _is_signed(self, token: str, key: pyjwt.PyJWK, algorithm: str) -> bool:
        try:
            self._jws.decode_complete(token, key, algorithms=[algorithm])
        except pyjwt.PyJWTError:
            return False
        return True

    def _judge(self, claims: Claims) -> Found | Rejected:
        """Judge the claims of a verified token (RFC 7519 section 4.1): its audience, its times and its subject."""
        now = self._clock()
        expires_at, issued_at = _instant(claims.get("exp")), _instant(claims.get("iat", 0))
        not_before = _instant(claims.get("nbf", 0))
        if expires_at is None or issued_at is None or not_before is None:
            return _REJECTED
        if self._audience.isdisjoint(listed(claims.get("aud"))):
            return _REJECTED
        if now >= expires_at:
            return Rejected(Reason.EXPIRED)
        if now + self._settings.leeway < max(issued_at, not_before):
            return _REJECTED
        session = session_of_claims(claims, self._settings.claims)
        if session is None:
            return _REJECTED
        return Found(session, instant_of(issued_at) if issued_at else None, instant_of(expires_at))


def _acceptable(header: dict[str, Any], algorithms: tuple[str, ...]) -> str | None:
    """Return the algorithm of an acceptable header, `None` for any other."""
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in _TYPES:
        return None
    if not _POINTERS.isdisjoint(header):
        return None
    algorithm = header.get("alg")
    return algorithm if isinstance(algorithm, str) and algorithm in algorithms else None


def _instant(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2) that a datetime can hold, `None` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and 0 <= value < _END_OF_TIME else None
