from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.directory.hashing import login_token_hash
from gateway.directory.store import Directory
from gateway.model.session import Device, Member, Session
from tests.support.builders.directory import PEPPERS, load_text, opened

PAST = "2026-01-01T00:00:00Z"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        yield directory


async def session_by_id(directory: Directory, session_id: str = "s") -> Session:
    stored = await directory.session_by_id(session_id)
    assert stored is not None
    return stored.session


async def test_the_least_a_session_can_say(directory: Directory, tmp_path: Path) -> None:
    await load_text(directory, tmp_path, "users: [{id: u}]\nsessions: [{id: s, user: u}]")
    session = await session_by_id(directory)
    assert session == Session(subject="u", id="s", user=session.user)
    assert (session.device, session.login, session.member, session.organization) == (None, None, None, None)


async def test_everything_a_session_can_say(directory: Directory, tmp_path: Path) -> None:
    await load_text(
        directory,
        tmp_path,
        f"""
users: [{{id: u, email: u@example.com, name: U, roles: [auditor]}}]
organizations: [{{id: o}}]
members: [{{id: m, organization: o, user: u, role: owner, metadata: {{team: red, level: 3}}}}]
sessions:
  - id: s
    user: u
    organization: o
    scopes: [read, write]
    device: {{os_version: "10"}}
    login: {{at: {PAST}, token: a-token-long-enough}}
    signins:
      - {{id: late, created_at: 2026-01-02T00:00:00Z}}
      - {{id: early, created_at: {PAST}}}
    active_signin: late
    signin_attempts: [{{step: password}}]
""",
    )
    session = await session_by_id(directory)
    # A member without a name and an address of its own has its user's.
    assert session.member == Member(
        id="m", role="owner", email="u@example.com", name="U", metadata={"team": "red", "level": 3}
    )
    assert (session.roles, session.scopes) == (("auditor",), ("read", "write"))
    assert session.device == Device(os_version="10")
    assert session.login is not None
    assert session.login.token_hash == login_token_hash("a-token-long-enough")
    assert [signin.id for signin in session.signins] == ["early", "late"]
    assert session.active_signin == session.signins[1]
    assert session.signin_attempts == ({"step": "password"},)


async def test_a_key_of_a_member_that_is_a_user_acts_with_the_users_roles(directory: Directory, tmp_path: Path) -> None:
    await load_text(
        directory,
        tmp_path,
        f"""
users: [{{id: u, roles: [auditor]}}]
organizations: [{{id: o}}]
members: [{{id: m, organization: o, user: u, role: admin}}]
projects:
  - {{id: p, auto_id: 1, nano_id: proj, organization: o, name: P, email: p@example.com,
      created_at: {PAST}, updated_at: {PAST}}}
api_keys:
  - {{id: k, auto_id: 1, type: user, name: K, key: uk_live_0123456789, project: p, member: m, scopes: [read],
      created_at: {PAST}, updated_at: {PAST}}}
""",
    )
    stored = await directory.key_by_hash(PEPPERS.every("uk_live_0123456789"))
    assert stored is not None
    session = stored.session
    assert (session.subject, session.id, session.roles, session.scopes) == ("u", None, ("auditor",), ("read",))
    assert session.project is not None
    assert session.project.org_id == "o"  # an organization without another internal id
    assert session.api_key is not None
    assert (session.api_key.project_id, session.api_key.org_member_id) == ("proj", "m")
