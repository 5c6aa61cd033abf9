"""What a look-up can answer: found, not mine, mine and bad, cannot tell (DESIGN section 2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.model.session import Session


class Reason(StrEnum):
    """Why a credential that somebody knows is nevertheless no good."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    AMBIGUOUS = "ambiguous"


class Found(msgspec.Struct, frozen=True, gc=False):
    """Whose session it is, and the times of the credential itself, where it has any (a token's `iat` and `exp`)."""

    session: Session
    issued_at: datetime | None = None
    expires_at: datetime | None = None


class Rejected(msgspec.Struct, frozen=True):
    """*Mine and bad.* The proxy answers 401 (`forbidden`: 403); a dialect answers in its own words."""

    reason: Reason


class Unavailable(msgspec.Struct, frozen=True):
    """*Cannot tell.* Never cached, never an allow, never a 401; it ends a list of authorities.

    `detail` is for the log; it holds no secret. `retry_after` is in seconds.
    """

    detail: str
    retry_after: int = 1


Answer = Found | Rejected | Unavailable | None
"""`None` is *not mine*: the next authority of the list is asked."""

Verdict = Found | Rejected | Unavailable
"""What a whole list of authorities answers: a shown credential that nobody claims is `Rejected(unknown)`."""
