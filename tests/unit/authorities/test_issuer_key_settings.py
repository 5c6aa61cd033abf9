"""Which keys of a config go together, where an issuer's own are shown a token; the others' tests are of their kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders.configs import LEAST, problems

ISSUER = "authorities:\n  tokens: {{kind: jwt, issuer: 'https://id.example', audience: a, jwks_token_file: {0}{1}}}\n"


def faults(folder: Path, more: str) -> list[str]:
    text = LEAST.replace("authorities:\n", ISSUER.format(folder / "token", more))
    return [each.partition(" ")[2] for each in problems(text) if "jwks_token_file" in each]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("", "is shown at a jwks_url alone, and there is none"),
        (", jwks_url: 'http://id.example/jwks', insecure_http: true", "is shown over https:// or on loopback alone"),
        (", jwks_url: 'https://id.example/jwks'", ""),
        (", jwks_url: 'http://127.0.0.1/jwks'", ""),
    ],
)
def test_a_token_is_shown_where_nobody_else_reads_it(tmp_path: Path, more: str, fault: str) -> None:
    (tmp_path / "token").write_text("a-token")
    assert faults(tmp_path, more) == ([f"authorities.tokens.jwks_token_file: {fault}"] if fault else [])


def test_a_file_without_a_token_is_told_by_check(tmp_path: Path) -> None:
    usual = ", jwks_url: 'https://id.example/jwks'"
    assert faults(tmp_path, usual) == [
        "authorities.tokens.jwks_token_file: cannot be read: No such file or directory",
    ]
    (tmp_path / "token").write_text("two words")
    assert faults(tmp_path, usual) == [
        "authorities.tokens.jwks_token_file: must hold one bearer token and nothing else",
    ]
