"""What the directory hands out for a credential, and who asks it; without a word of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from gateway.model.session import RevocationTarget, Session

ACTIVE = "active"
"""The state of a live session, and the status of a member that may act."""

CLOSED = "closed"
"""The state of a session that was ended."""


class StoredKey(msgspec.Struct, frozen=True):
    """A key's row and what it refers to; what is gone is absent. `session.expires_at` is the key's expiry.

    `hash` is the one that is stored, of the pepper under which the key was found.
    """

    session: Session
    hash: str
    member_status: str | None = None

    def __repr__(self) -> str:
        """Show no hash."""
        return f"StoredKey({self.session.subject!r})"


class StoredSession(msgspec.Struct, frozen=True):
    """A session's row and what it refers to; without a `user` its user is gone.

    `member_status` is that of the membership in the bound organization; None where there is no such membership.
    """

    session: Session
    member_status: str | None = None


class Store(Protocol):
    """What serving asks of the directory's store. Every method raises DirectoryError when it cannot tell."""

    async def key_by_hash(self, hashes: Sequence[str]) -> StoredKey | None:
        """Return the key that is stored under one of `hashes`."""

    async def rehash_key(self, old: str, new: str) -> None:
        """Store a key under another hash."""

    async def session_by_id(self, session_id: str) -> StoredSession | None:
        """Return the session of this id."""

    async def session_by_login(self, user_id: str, token_hash: str) -> StoredSession | None:
        """Return the user's session that this login token opened."""

    async def note_activity(self, session_id: str, at: datetime) -> None:
        """Note that a session was in use."""

    async def mark_ended(self, ended: RevocationTarget, now: datetime) -> int:
        """Mark the rows of what is ended before its time."""

    async def close(self) -> None:
        """Give back every connection."""
