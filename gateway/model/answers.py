"""What a look-up can answer: found, not mine, mine and bad, cannot tell; and where the answer came from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.model.credential import Credential
from gateway.model.session import Session


class Reason(StrEnum):
    """Why an authority rejects a credential."""

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


class Rejected(msgspec.Struct, frozen=True, eq=False):
    """*Mine and bad.* The proxy answers 401 (`forbidden`: 403); a dialect answers in its own words.

    `detail` tells more to the log and to `explain`, never to the caller: what was expected and, of public claims, what
    came. Answers of one reason are equal, whatever their detail.
    """

    reason: Reason
    detail: str = ""

    def __eq__(self, other: object) -> bool:
        """Tell whether the other rejects for the same reason."""
        return isinstance(other, Rejected) and self.reason is other.reason

    def __hash__(self) -> int:
        """Hash the reason."""
        return hash(self.reason)


class Unavailable(msgspec.Struct, frozen=True):
    """*Cannot tell*, by the authority's own fault: no connection, no answer in time, or a 5xx.

    Never cached, never an allow, never a 401; it ends a list of authorities.
    `detail` is for the log; it holds no secret. `retry_after` is in seconds.
    """

    detail: str
    retry_after: int = 1


class Undecided(Unavailable, frozen=True):
    """*Cannot tell about this one.* The authority may be asked by others: this credential, or the answer to it, is odd.

    It is its caller's 503 alone: it feeds no breaker and lets no stale answer serve. `asked` is False where there was
    no place to ask in time.
    """

    asked: bool = True


class Throttled(Undecided, frozen=True):
    """Not asked: too many credentials of this client address were rejected. 429, for `retry_after` seconds."""


Answer = Found | Rejected | Unavailable | None
"""What one authority answers; `None` is *not mine*, and then the next authority of the list is asked."""

Verdict = Found | Rejected | Unavailable
"""What a list of authorities answers: a credential that none of them claims is `Rejected(unknown)`."""


class Tier(StrEnum):
    """Where an answer came from; a metric label and a field of the access line."""

    NONE = "none"
    MEMORY = "memory"
    REDIS = "redis"
    AUTHORITY = "authority"


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """Whose session a request shows, if anybody's, and which tier answered.

    `answer` is `None` when the request shows no credential. `age` is in seconds since an authority gave the answer.
    `stale` says that the authority could not be asked and an older answer stands in for its own.
    """

    answer: Verdict | None = None
    tier: Tier = Tier.NONE
    age: float = 0.0
    stale: bool = False
    authority: str = ""

    @property
    def session(self) -> Session | None:
        """The caller's session, if there is one."""
        return self.answer.session if isinstance(self.answer, Found) else None

    @property
    def expires_at(self) -> datetime | None:
        """The credential's own expiry, else the session's."""
        if not isinstance(self.answer, Found):
            return None
        return self.answer.expires_at or self.answer.session.expires_at


NOBODY = Resolution()
"""The resolution of a request without a credential."""

Resolve = Callable[[Credential, str], Awaitable[Resolution]]
"""Resolves a credential that a client address shows."""
Remembered = Callable[[Credential], Resolution | None]
"""Resolves at once, or not at all."""


def nothing(_credential: Credential) -> Resolution | None:
    """Remember nobody: each session is looked up."""
    return None


class Sessions(msgspec.Struct, frozen=True):
    """Whose session a credential is: `remembered` at once where that is known, else `resolve` after a wait."""

    resolve: Resolve
    remembered: Remembered = nothing
