from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.directory.stored import StoredKey, StoredSession, judge_key, judge_session
from gateway.model.answers import Reason
from gateway.model.session import ApiKey, Member, Organization, Project, Session, User


def test_no_hash_is_shown() -> None:
    assert repr(StoredKey(Session(subject="m"), "b1:aabbccdd:secret", "active")) == "StoredKey('m')"


NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = ApiKey(auto_id=1, id="k", type="project", name="Key", created_at=NOW, updated_at=NOW)
PROJECT = Project(
    auto_id=1, id="p", nano_id="proj", org_id="o", name="P", email="p@example.com", created_at=NOW, updated_at=NOW
)
KEY_SESSION = Session(
    subject="m", organization=Organization(id="o"), member=Member(id="m"), project=PROJECT, api_key=KEY
)
SESSION = Session(
    subject="u", id="s", user=User(id="u"), organization=Organization(id="o"), member=Member(id="m", role="member")
)


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({}, "active", None),
        ({"expires_at": NOW + SECOND}, "active", None),
        ({"expires_at": NOW}, "active", Reason.EXPIRED),
        ({"api_key": msgspec.structs.replace(KEY, deleted_at=NOW, deleted=True)}, "active", Reason.REVOKED),
        ({"organization": None}, "active", Reason.GONE),
        ({"member": None}, None, Reason.GONE),
        ({"project": None}, "active", Reason.GONE),
        ({"project": msgspec.structs.replace(PROJECT, deleted=True)}, "active", Reason.GONE),
        ({"project": None, "api_key": msgspec.structs.replace(KEY, type="organization")}, "active", None),
        ({"project": None, "api_key": msgspec.structs.replace(KEY, type="user")}, "active", None),
        ({}, "suspended", Reason.FORBIDDEN),
        ({}, None, Reason.FORBIDDEN),
        ({"expires_at": NOW, "member": None}, "suspended", Reason.EXPIRED),
    ],
)
def test_keys(change: dict[str, Any], status: str | None, reason: Reason | None) -> None:
    stored = StoredKey(msgspec.structs.replace(KEY_SESSION, **change), "hash", status)
    assert judge_key(stored, NOW) == reason


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({}, "active", None),
        ({"organization": None, "member": None}, None, None),
        ({"expires_at": NOW + SECOND}, "active", None),
        ({"expires_at": NOW}, "active", Reason.EXPIRED),
        ({"closed_at": NOW - SECOND}, "active", Reason.REVOKED),
        ({"state": "closed"}, "active", Reason.REVOKED),
        ({"state": "pending_mfa"}, "active", Reason.REVOKED),
        ({"user": None}, None, Reason.GONE),
        ({"member": None}, None, Reason.GONE),
        ({}, "suspended", Reason.FORBIDDEN),
    ],
)
def test_sessions(change: dict[str, Any], status: str | None, reason: Reason | None) -> None:
    stored = StoredSession(msgspec.structs.replace(SESSION, **change), status)
    assert judge_session(stored, NOW) == reason


@pytest.mark.parametrize(
    ("used", "idle", "reason"),
    [(60, None, None), (59, 60, None), (60, 60, Reason.EXPIRED), (None, 60, None)],
)
def test_a_session_ends_that_nobody_uses(used: int | None, idle: int | None, reason: Reason | None) -> None:
    used_at = None if used is None else NOW - used * SECOND
    session = msgspec.structs.replace(SESSION, last_activity_at=used_at)
    assert judge_session(StoredSession(session, "active", idle), NOW) == reason


def test_of_a_session_that_was_never_used_its_beginning_counts() -> None:
    session = msgspec.structs.replace(SESSION, created_at=NOW - 60 * SECOND)
    assert judge_session(StoredSession(session, "active", 60), NOW) is Reason.EXPIRED
