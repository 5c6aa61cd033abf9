"""What the directory stores for a credential, and whether that still counts; without SQL, so that it loads quickly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from gateway.model.answers import Reason
from gateway.model.session import Session

FIRST_MOMENT, LAST_MOMENT = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""Between these an instant can be written in every zone's time. Outside a row could be stored, and never read again."""

ACTIVE = "active"
"""The state of a live session, and the status of a member that may act."""

CLOSED = "closed"
"""The state of a session that was ended."""


class StoredKey(msgspec.Struct, frozen=True):
    """A key's row and the rows it refers to; deleted ones are absent. `session.expires_at` is the key's expiry.

    `hash` is the stored one, under the pepper that matched.
    """

    session: Session
    hash: str
    member_status: str | None = None

    def __repr__(self) -> str:
        """Show no hash."""
        return f"StoredKey({self.session.subject!r})"


class StoredSession(msgspec.Struct, frozen=True):
    """A session's row and the rows it refers to; without a `user` its user is deleted.

    `member_status` is that of the membership in the bound organization, None where there is none. A session that was
    not in use for `idle` seconds is over.
    """

    session: Session
    member_status: str | None = None
    idle: float | None = None


class Store(Protocol):
    """The queries of serving. Every method raises DirectoryError when the database cannot answer."""

    async def key_by_hash(self, hashes: Sequence[str]) -> StoredKey | None:
        """Return the key that is stored under one of `hashes`, deleted ones included."""

    async def rehash_key(self, old: str, new: str) -> None:
        """Store a key under another hash: that of the pepper in use."""

    async def session_by_id(self, session_id: str) -> StoredSession | None:
        """Return the session of this id, ended ones included."""

    async def session_by_login(self, user_id: str, token_hash: str) -> StoredSession | None:
        """Return the user's session that this login token opened; a live one before an ended one, the newest first."""

    async def note_activity(self, session_id: str, at: datetime) -> None:
        """Store that a session was in use, unless a later instant is stored."""

    async def close(self) -> None:
        """Close every connection."""


def judge_key(stored: StoredKey, now: datetime) -> Reason | None:
    """Return the first reason to reject a key, None for a good one.

    A deleted key is `revoked`, since its row is there; it is `gone` with its organization, member or project.
    """
    session = stored.session
    key = session.api_key
    if key is None or key.deleted_at is not None:
        return Reason.REVOKED
    if _is_over(session.expires_at, now):
        return Reason.EXPIRED
    if session.organization is None or session.member is None:
        return Reason.GONE
    if key.type == "project" and session.project is None:
        return Reason.GONE
    if session.project is not None and session.project.deleted:
        return Reason.GONE
    return Reason.FORBIDDEN if stored.member_status != ACTIVE else None


def judge_session(stored: StoredSession, now: datetime) -> Reason | None:
    """Return the first reason to reject a session, None for a live one.

    A session that is bound to an organization is rejected once its user has left that organization.
    """
    session = stored.session
    if session.user is None:
        return Reason.GONE
    if session.closed_at is not None or session.state != ACTIVE:
        return Reason.REVOKED
    if _is_over(session.expires_at, now) or _is_over(_idle_at(stored), now):
        return Reason.EXPIRED
    if session.organization is None:
        return None
    if session.member is None:
        return Reason.GONE
    return Reason.FORBIDDEN if stored.member_status != ACTIVE else None


def _idle_at(stored: StoredSession) -> datetime | None:
    """Return when a session is over that nobody uses."""
    used_at = stored.session.last_activity_at or stored.session.created_at
    return None if stored.idle is None or used_at is None else used_at + timedelta(seconds=stored.idle)


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and now >= expires_at
