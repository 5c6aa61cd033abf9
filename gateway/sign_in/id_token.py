"""What an issuer's ID token and logout token must say, once their signature is verified."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

_LONGEST_SUBJECT = 255
_LEEWAY = 60.0
"""Seconds by which the issuer's clock may be ahead of ours; an expiry has none."""
_LONGEST_AGE = 600.0
"""Seconds: an earlier token was not issued for this sign-in (OpenID Connect Core section 3.1.3.7, 10)."""

_LATEST = 253402300799.0
"""The last second of the year 9999, in epoch seconds: a later instant can be neither compared as a date nor stored."""

BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class TokenClaimFault(StrEnum):
    """Why a token's claims are refused, as the log names it."""

    ISSUER = "iss is another issuer"
    AUDIENCE = "aud is not us alone"
    PARTY = "azp is another client"
    EXPIRED = "exp is over"
    ISSUED = "iat is not of this sign-in"
    NONCE = "nonce is not of this sign-in"
    SUBJECT = "sub is missing or no text"
    ACCESS_TOKEN = "at_hash is of another access token"  # noqa: S105 - no secret
    EVENTS = "events is no logout"
    IDENTIFIER = "jti is missing"
    NOBODY = "neither sub nor sid"


class ExpectedToken(msgspec.Struct, frozen=True):
    """Whose token is expected, the time in epoch seconds, and which audiences beside us are trusted."""

    issuer: str
    client_id: str
    now: float
    trusted: frozenset[str] = frozenset()


def id_token_fault(
    claims: Mapping[str, Any], expected: ExpectedToken, *, nonce: str | None, access_token: str, algorithm: str
) -> TokenClaimFault | None:
    """Judge an ID token by OpenID Connect Core section 3.1.3.7; None for a good one.

    `nonce` is None for a token that came with a refresh, which need not have one (section 12.2).
    """
    fault = _common_fault(claims, expected)
    if fault is not None:
        return fault
    if nonce is not None and claims.get("nonce") != nonce:
        return TokenClaimFault.NONCE
    if not _is_subject(claims.get("sub")):
        return TokenClaimFault.SUBJECT
    stated = claims.get("at_hash")
    if stated is not None and stated != half_hash(access_token, algorithm):
        return TokenClaimFault.ACCESS_TOKEN
    return None


def logout_token_fault(claims: Mapping[str, Any], expected: ExpectedToken) -> TokenClaimFault | None:
    """Judge a logout token by OpenID Connect Back-Channel Logout 1.0 section 2.6; None for a good one."""
    fault = _common_fault(claims, expected)
    if fault is not None:
        return fault
    if "nonce" in claims:
        return TokenClaimFault.NONCE  # an ID token must not pass for it
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(BACK_CHANNEL), dict):
        return TokenClaimFault.EVENTS
    if not _is_subject(claims.get("jti")):
        return TokenClaimFault.IDENTIFIER
    named = [claims[name] for name in ("sub", "sid") if claims.get(name) is not None]
    return None if named and all(map(_is_subject, named)) else TokenClaimFault.NOBODY


def half_hash(access_token: str, algorithm: str) -> str:
    """Return the `at_hash` of an access token (OpenID Connect Core section 3.1.3.6)."""
    name = "512" if algorithm in {"EdDSA", "Ed25519"} else algorithm[-3:]
    digest = _HASHES[name](access_token.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")


def _common_fault(claims: Mapping[str, Any], expected: ExpectedToken) -> TokenClaimFault | None:
    """Judge what both kinds of token have: issuer, audience, authorized party and times."""
    if claims.get("iss") != expected.issuer:
        return TokenClaimFault.ISSUER
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not _is_for(named, expected):
        return TokenClaimFault.AUDIENCE
    # With several audiences it has to say which of them asked (section 3.1.3.7, 4 and 5).
    party = claims.get("azp", expected.client_id if len(named) == 1 else None)
    if party != expected.client_id:
        return TokenClaimFault.PARTY
    return _time_fault(claims, expected.now)


def _is_for(audience: list[Any], expected: ExpectedToken) -> bool:
    """Tell whether we are named, and nobody beside us whom the config does not trust (section 3.1.3.7, 3)."""
    allowed = {expected.client_id, *expected.trusted}
    return expected.client_id in audience and all(isinstance(each, str) and each in allowed for each in audience)


def _time_fault(claims: Mapping[str, Any], now: float) -> TokenClaimFault | None:
    expires_at, issued_at = _instant(claims.get("exp")), _instant(claims.get("iat"))
    if expires_at is None or now >= expires_at:
        return TokenClaimFault.EXPIRED
    if issued_at is None or not -_LEEWAY <= now - issued_at <= _LONGEST_AGE:
        return TokenClaimFault.ISSUED
    return None


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_SUBJECT and value.isprintable()


def _instant(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        return None  # NaN is in no range
    return float(value)
