import json
from datetime import UTC, datetime

from gateway.commands.record_output import as_json, as_lines, as_table
from gateway.directory.operations.user_operations import UserRow

JANE = UserRow(id="u1", name="Jane", roles=("a", "b"), created_at=datetime(2026, 1, 31, tzinfo=UTC))
COLUMNS = ("id", "email", "name", "roles", "created_at")


def test_a_table_has_a_line_a_row_and_no_empty_column() -> None:
    table = as_table([JANE, UserRow(id="user_2")], COLUMNS)
    assert table.splitlines() == [
        "ID      NAME  ROLES  CREATED_AT",
        "u1      Jane  a,b    2026-01-31T00:00:00Z",
        "user_2",
    ]
    assert as_table([], COLUMNS) == ""


def test_a_name_cannot_command_the_terminal() -> None:
    row = UserRow(id="u", name="a\x1b[2Jb\nc" + "x" * 100)
    for text in (as_table([row], COLUMNS), as_lines(row)):
        assert "\x1b" not in text
        assert "a\\x1b[2Jb\\nc" in text
    assert as_table([row], COLUMNS).endswith("…")


def test_json_has_the_whole_row() -> None:
    assert json.loads(as_json([JANE]))[0]["roles"] == ["a", "b"]
