"""Whose session a request shows, and how that was come by."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.model.answers import Found, Rejected, Unavailable
from gateway.model.session import Session


class Tier(StrEnum):
    """Where an answer came from; a metric label and a field of the access line."""

    NONE = "none"
    MEMORY = "memory"
    REDIS = "redis"
    AUTHORITY = "authority"


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """A Session, or nobody, and how it was come by.

    `answer` is `None` when nobody was shown. `age` is in seconds since an authority said so. `stale` says that the
    authority could not be asked and an older answer stands in for it.
    """

    answer: Found | Rejected | Unavailable | None = None
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
"""No credential was shown."""
