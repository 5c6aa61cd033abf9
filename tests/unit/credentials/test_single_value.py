from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.single_value import UNREADABLE, RepeatedError, only_value, value_of


def test_white_space_around_a_value_goes_and_within_it_stays() -> None:
    assert value_of(b" \t a b \t") == "a b"


def test_other_blanks_are_not_white_space() -> None:
    assert value_of(b"\xa0key") == UNREADABLE
    assert value_of(b"\x0ckey") == UNREADABLE


@given(st.binary())
def test_every_value_reads_as_itself_or_as_unreadable(raw: bytes) -> None:
    read = value_of(raw)
    assert read == UNREADABLE or read.encode("ascii") == raw.strip(b" \t")


def test_no_value_is_nothing() -> None:
    assert only_value([]) == ""


@pytest.mark.parametrize("values", [[b"a", b"b"], [b"a", b"a"], [b"", b"a"], [b"a", b""]])
def test_two_values_are_never_chosen_from(values: list[bytes]) -> None:
    with pytest.raises(RepeatedError):
        only_value(values)
