from __future__ import annotations

from pathlib import Path

import pytest

from gateway.directory.records import Records
from gateway.directory.records_file import Reference, read_records, references
from gateway.model.errors import RecordsError


def problems_of(folder: Path, text: str) -> list[str]:
    path = folder / "records.yaml"
    path.write_text(text)
    with pytest.raises(RecordsError) as raised:
        read_records(path)
    return [str(problem).removeprefix(f"{path}:") for problem in raised.value.problems]


def test_every_problem_is_told_at_its_line(tmp_path: Path) -> None:
    text = """\
users:
  - id: u1
    e-mail: u1@example.com
  - email: u2@example.com
    created_at: yesterday
  - id: 7
members: none
colour: blue
projects:
  - just text
api_keys:
  - {id: k, auto_id: one, type: user, name: K, key: uk_live_0123456789, member: m,
     created_at: 2024-01-01T00:00:00Z, updated_at: 2024-01-01T00:00:00Z, deleted_at: soon}
"""
    assert problems_of(tmp_path, text) == [
        "3:5: users[0].e-mail: is not a known key",
        "4:5: users[1].id: is missing",
        "5:5: users[1].created_at: a time is RFC 3339 with a time zone, quoted or not: 2024-12-19T15:30:00Z",
        "6:5: users[2].id: must be text: quote it",
        "7:1: members: must be a list",
        "10:5: projects[0]: must be a mapping of keys to values",
        "12:13: api_keys[0].auto_id: must be a whole number",
        "13:74: api_keys[0].deleted_at: a time is RFC 3339 with a time zone, quoted or not: 2024-12-19T15:30:00Z",
        "8:1: colour: is not a known key",
    ]


def test_what_is_there_twice_is_told_at_the_second(tmp_path: Path) -> None:
    text = """\
users: [{id: u}, {id: v}, {id: u}]
members:
  - {id: m1, organization: o, user: u}
  - {id: m2, organization: o, user: v}
  - {id: m3, organization: o, user: u}
  - {id: m4, organization: o}
  - {id: m5, organization: o}
api_keys:
  - {id: k1, auto_id: 1, type: user, name: K, key: uk_live_0123456789, member: m1,
     created_at: 2024-01-01T00:00:00Z, updated_at: 2024-01-01T00:00:00Z}
  - {id: k2, auto_id: 1, type: user, name: K, key: uk_live_0123456789, member: m1,
     created_at: 2024-01-01T00:00:00Z, updated_at: 2024-01-01T00:00:00Z}
sessions:
  - {id: s1, user: u, signins: [{id: i, created_at: 2024-01-01T00:00:00Z}]}
  - {id: s2, user: u, signins: [{id: i, created_at: 2024-01-01T00:00:00Z}]}
"""
    found = problems_of(tmp_path, text)
    assert found == [
        "1:28: users[2].id: another of the users has it already",
        "11:14: api_keys[1].auto_id: another of the api_keys has it already",
        "11:47: api_keys[1].key: another of the api_keys has it already",
        "5:5: members[2]: this user is a member of this organization already",
        "15:34: sessions[1].signins[0].id: another of the signins has it already",
    ]
    assert "uk_live" not in "".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("users: [", "is not YAML"),
        ("- a list", "must be a mapping"),
        ("users: [{id: u, id: v}]", "given twice"),
        ("just text", "must be a mapping"),
    ],
)
def test_what_is_no_records_file(tmp_path: Path, text: str, problem: str) -> None:
    [found] = problems_of(tmp_path, text)
    assert problem in found


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"absent\.yaml: cannot be read"):
        read_records(tmp_path / "absent.yaml")


@pytest.mark.parametrize("text", ["", "# nothing yet", '{\n\t"users": [{"id": "u"}]\n}'])
def test_an_empty_file_and_json_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "records"
    path.write_text(text)
    assert len(read_records(path).records.users) == ('"u"' in text)


def test_environment_is_not_substituted(tmp_path: Path) -> None:
    path = tmp_path / "records.yaml"
    path.write_text("users: [{id: u, name: '${HOME}'}]")
    assert read_records(path).records.users[0].name == "${HOME}"


def test_references_are_found_where_they_are_made() -> None:
    records = Records.model_validate(
        {
            "members": [{"id": "m", "organization": "o"}],
            "sessions": [
                {
                    "id": "s",
                    "user": "u",
                    "signins": [{"id": "i", "user": "v", "created_at": "2024-01-01T00:00:00Z"}],
                }
            ],
        }
    )
    assert list(references(records)) == [
        Reference(("members", 0, "organization"), "organizations", "o"),
        Reference(("sessions", 0, "user"), "users", "u"),
        Reference(("sessions", 0, "signins", 0, "user"), "users", "v"),
    ]
