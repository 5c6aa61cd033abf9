from __future__ import annotations

from pathlib import Path

import pytest

from gateway.source.token_file import read_token


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("eyJhbGciOi.J9-_.first=\n")
    assert read_token(str(path)) == "eyJhbGciOi.J9-_.first="
    path.write_text("second")
    assert read_token(str(path)) == "second"


@pytest.mark.parametrize("content", ["", "\n", "a b", "a\nb", "a\r\nX: 1", "ü", "=", "a" * 16385])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"^must hold one bearer token and nothing else$"):
        read_token(str(path))


@pytest.mark.parametrize(("name", "why"), [("absent", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ValueError, match=rf"^cannot be read: {why}$"):
        read_token(str(tmp_path / name))
    with pytest.raises(ValueError, match=r"^cannot be read: ValueError$"):
        read_token("a\0b")
