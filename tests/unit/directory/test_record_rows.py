from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.directory.hashing import login_token_hash
from gateway.directory.record_rows import rows_of
from gateway.directory.records import Records
from gateway.directory.tables import METADATA
from tests.support.builders.directory import PEPPERS

PAST = "2026-01-01T00:00:00Z"
INSTANT = datetime(2026, 1, 1, tzinfo=UTC)


def rows(**records: Any) -> dict[str, list[dict[str, Any]]]:
    return rows_of(Records.model_validate(records), PEPPERS, {"m": "o"}.__getitem__)


def session_row(**fields: Any) -> dict[str, Any]:
    [row] = rows(sessions=[{"id": "s", "user": "u", **fields}])["sessions"]
    return row


def test_every_row_fills_every_column_of_its_table() -> None:
    instants = {"created_at": PAST, "updated_at": PAST}
    found = rows(
        organizations=[{"id": "o"}],
        workspaces=[{"id": "w", "organization": "o"}],
        users=[{"id": "u"}],
        members=[{"id": "m", "organization": "o"}],
        projects=[
            {"id": "p", "auto_id": 1, "nano_id": "n", "organization": "o", "name": "P", "email": "p@e", **instants}
        ],
        api_keys=[
            {
                "id": "k",
                "auto_id": 1,
                "type": "user",
                "name": "K",
                "key": "uk_live_0123456789",
                "member": "m",
                **instants,
            }
        ],
        sessions=[{"id": "s", "user": "u", "signins": [{"id": "i", "created_at": PAST}]}],
    )
    assert list(found) == [
        "organizations",
        "workspaces",
        "users",
        "members",
        "projects",
        "api_keys",
        "sessions",
        "signins",
    ]
    for table, [row] in found.items():
        assert set(row) == set(METADATA.tables[table].columns.keys()), table


def test_a_key_is_stored_as_its_hash_within_its_members_organization() -> None:
    key = {"id": "k", "auto_id": 1, "type": "user", "name": "K", "key": "uk_live_0123456789", "member": "m"}
    [row] = rows(api_keys=[{**key, "created_at": PAST, "updated_at": PAST, "scopes": ["read"]}])["api_keys"]
    assert row["hash"] == PEPPERS.hash("uk_live_0123456789")
    assert row["prefix"] == "uk_liv"
    assert row["organization_id"] == "o"
    assert row["scopes"] == ["read"]
    assert "0123456789" not in repr(row)


@pytest.mark.parametrize(
    ("fields", "state"),
    [({}, "active"), ({"closed_at": PAST}, "closed"), ({"state": "locked"}, "locked")],
)
def test_the_state_of_a_session(fields: dict[str, str], state: str) -> None:
    assert session_row(**fields)["state"] == state


def test_a_device_is_what_the_record_says_else_what_the_user_agent_says() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
    assert session_row(user_agent=agent)["device_name"] == "Firefox"
    assert session_row(user_agent=agent, device={"name": "Own app"})["device_name"] == "Own app"
    assert session_row()["device_name"] is None


def test_a_login_token_is_stored_as_the_documented_hash() -> None:
    row = session_row(login={"at": PAST, "token": "a-token-long-enough", "ip": "192.0.2.1"})
    assert row["login_token_hash"] == login_token_hash("a-token-long-enough")
    assert (row["login_at"], row["login_ip"]) == (INSTANT, "192.0.2.1")
    assert "login_token" not in row
    given = session_row(login={"at": PAST, "token_hash": login_token_hash("a-token-long-enough")})
    assert given["login_token_hash"] == row["login_token_hash"]


def test_a_sign_in_is_the_sessions_users_unless_it_says_another() -> None:
    signins = [{"id": "i", "created_at": PAST}, {"id": "j", "user": "v", "created_at": PAST}]
    found = rows(sessions=[{"id": "s", "user": "u", "signins": signins}])["signins"]
    assert [(row["id"], row["session_id"], row["user_id"]) for row in found] == [("i", "s", "u"), ("j", "s", "v")]
