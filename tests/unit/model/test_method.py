from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import MalformedError
from gateway.model.method import IDEMPOTENT, SAFE, STANDARD, read_method

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"


@given(st.text(TOKEN_CHARACTERS, min_size=1, max_size=64))
def test_any_token_comes_through_as_it_is(method: str) -> None:
    assert read_method(method) == method


@given(st.sampled_from([*STANDARD, *sorted(IDEMPOTENT), "LOCK", "CONNECT", "TRACE", "LISTED"]), st.data())
def test_a_known_method_has_one_spelling(method: str, data: st.DataObject) -> None:
    letters = [data.draw(st.sampled_from((letter, letter.lower()))) for letter in method]
    spelled = "".join(letters)
    if spelled == method and method not in {"CONNECT", "TRACE"}:
        assert read_method(spelled, {"LISTED"}) == method
    else:
        with pytest.raises(MalformedError) as refused:
            read_method(spelled, {"LISTED"})
        assert refused.value.refusal.status in {405, 501}


@pytest.mark.parametrize(
    "method", ["", " ", "G ET", "GET\r\n", "GET\n", "G\x00T", "\xc7ET", "GET,POST", "a" * 64 + "/"]
)
def test_what_is_no_token_is_no_method(method: str) -> None:
    with pytest.raises(MalformedError) as refused:
        read_method(method)
    assert refused.value.refusal.status == 400


def test_what_changes_things_each_time_is_not_idempotent() -> None:
    assert IDEMPOTENT >= SAFE
    assert {"POST", "PATCH", "LOCK", "CONNECT"}.isdisjoint(IDEMPOTENT)
