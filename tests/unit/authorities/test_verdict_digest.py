from __future__ import annotations

from gateway.authorities.verdict_digest import verdict_digest


def test_the_same_settings_are_the_same_digest() -> None:
    assert verdict_digest("jwt", "a", ("b",), {"x": "1", "y": "2"}) == verdict_digest(
        "jwt", "a", ("b",), {"y": "2", "x": "1"}
    )


def test_parts_do_not_run_into_each_other() -> None:
    digests = {
        verdict_digest("jwt", "ab", "c"),
        verdict_digest("jwt", "a", "bc"),
        verdict_digest("jwt", ("ab", "c")),
        verdict_digest("jwta", "b", "c"),
        verdict_digest("jwt", "ab", "c", None),
        verdict_digest("jwt", "ab", ""),
    }
    assert len(digests) == 6
