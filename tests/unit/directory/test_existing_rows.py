from __future__ import annotations

from pathlib import Path

from gateway.directory.existing_rows import dangling, existing_rows, misplaced, organizations_of
from gateway.directory.records_file import read_records
from tests.support.builders.directory import CHAT_USER, WACHT_SESSION, opened


async def test_what_a_file_mentions_is_fetched_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "records.yaml"
    path.write_text(
        f"""
workspaces: [{{id: new, organization: org_123456789}}]
sessions:
  - {{id: {WACHT_SESSION}, user: user_456789123, organization: org_123456789, workspace: new}}
  - {{id: s, user: {CHAT_USER}}}
  - {{id: t, user: nobody}}
"""
    )
    file = read_records(path)
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory, directory.reading() as connection:
        existing = await existing_rows(connection, file)
    assert {table: set(rows) for table, rows in existing.items()} == {
        "organizations": {"org_123456789"},
        "workspaces": set(),
        "users": {"user_456789123", CHAT_USER},
        "members": {"member_456789123"},  # the membership that the first session needs
        "projects": set(),
        "api_keys": set(),
        "sessions": {WACHT_SESSION},
        "signins": {"signin_987654321"},
    }
    organizations = organizations_of(file, existing)
    assert organizations == {
        ("members", "member_456789123"): "org_123456789",
        ("workspaces", "new"): "org_123456789",
    }
    assert [problem.path for problem in dangling(file, existing)] == ["sessions[2].user"]
    assert list(misplaced(file, existing, organizations)) == []
