from __future__ import annotations

from pathlib import Path

import pytest

from gateway.directory.database_url import SqliteFile, parse_database_url, parse_usable_url


def test_a_file_is_named_by_its_path() -> None:
    database = parse_database_url("sqlite:////var/gateway.db")
    assert database == SqliteFile(Path("/var/gateway.db"))
    assert str(database) == "/var/gateway.db"
    assert parse_database_url("sqlite:///gateway.db") == SqliteFile(Path("gateway.db"))


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "must be sqlite:///FILE or postgresql://"),
        ("hunter2", "must be sqlite:///FILE or postgresql://"),
        ("mysql://u:hunter2@db/gw", "must be sqlite:///FILE or postgresql://"),
        ("postgresql+asyncpg://u:hunter2@db/gw", "must be sqlite:///FILE or postgresql://"),
        ("sqlite://gateway.db", "must be sqlite:///FILE or postgresql://"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///gateway.db?mode=ro", "has parameters, which a file of SQLite does not take"),
        ("postgresql://u:hunter2@db:port/gw", "cannot be read as a URL"),
    ],
)
def test_another_url_is_refused_without_a_word_of_it(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as raised:
        parse_usable_url(url)
    assert "hunter2" not in str(raised.value)
