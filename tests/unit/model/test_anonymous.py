from __future__ import annotations

from gateway.model.anonymous import anonymous_cookie, is_anonymous


def test_a_cookie_that_names_nobody_is_known_as_such() -> None:
    assert is_anonymous(anonymous_cookie("7d6c"))


def test_a_token_that_names_somebody_is_not() -> None:
    assert not is_anonymous("eyJhbGciOiJFZERTQSJ9.e30.c2ln")
