from __future__ import annotations

import pytest

from gateway.authorities.public_claims import shown


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("https://id.example.com/", "'https://id.example.com/'"),
        ("a\nb\x1b[1mé", r"'a\nb\x1b[1m\xe9'"),
        ("a" * 100, "'" + "a" * 80 + "'..."),
        (1893456000, "1893456000"),
        (True, "True"),
        (None, "none"),
        (["orders"], "['orders']"),
        (["orders", "shop"], "a list of 2"),
        ([], "a list of 0"),
        ({"a": "b"}, "no text"),
    ],
)
def test_a_claim_in_words(claim: object, text: str) -> None:
    assert shown(claim) == text


def test_no_claim_is_long_or_deep() -> None:
    deep: object = "a"
    for _ in range(5000):
        deep = [deep]
    assert shown(10**5000) == shown(-(10**30)) == "a huge number"
    assert len(shown(deep)) < 200
