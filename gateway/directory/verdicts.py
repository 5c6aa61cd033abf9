"""What the directory's rows mean for a credential; pure. The first reason that holds is the one that is told."""

from __future__ import annotations

from datetime import datetime

from gateway.directory.stored import ACTIVE, StoredKey, StoredSession
from gateway.model.answers import Reason


def judge_key(stored: StoredKey, now: datetime) -> Reason | None:
    """Return why a key is no good, None for a good one.

    A key that was deleted says `revoked`, since its row is there; `gone` is what it acts for.
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
    """Return why a session is no good, None for a live one.

    Who has left the organization that a session is bound to is not let in by it any more, under no organization's name.
    """
    session = stored.session
    if session.user is None:
        return Reason.GONE
    if session.closed_at is not None or session.state != ACTIVE:
        return Reason.REVOKED
    if _is_over(session.expires_at, now):
        return Reason.EXPIRED
    if session.organization is None:
        return None
    if session.member is None:
        return Reason.GONE
    return Reason.FORBIDDEN if stored.member_status != ACTIVE else None


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and now >= expires_at
