from __future__ import annotations

import pytest

from gateway.credentials.authorization import TOKEN68, VISIBLE, AuthorizationScheme
from gateway.credentials.reader import UNREADABLE


@pytest.mark.parametrize("value", ["ApiKey abc", "apikey  abc", "APIKEY abc"])
def test_the_scheme_has_no_case(value: str) -> None:
    assert AuthorizationScheme("ApiKey", VISIBLE).secret_of(value) == "abc"


@pytest.mark.parametrize("value", ["", "ApiKeys abc", "Api abc", "Bearer abc", "abc"])
def test_another_scheme_is_none(value: str) -> None:
    assert AuthorizationScheme("ApiKey", VISIBLE).secret_of(value) == ""


@pytest.mark.parametrize("value", ["A.B", "A.B a b", "a.b,c", UNREADABLE])
def test_what_is_malformed_behind_the_scheme_was_shown(value: str) -> None:
    assert AuthorizationScheme("A.B", VISIBLE).secret_of(value) == UNREADABLE


def test_a_sign_in_a_scheme_is_that_sign() -> None:
    assert AuthorizationScheme("A.B", VISIBLE).secret_of("AxB c") == ""
    assert AuthorizationScheme("A", TOKEN68).secret_of("A b:c") == UNREADABLE
