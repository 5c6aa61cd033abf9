from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Credential
from tests.support.builders.credentials import bearer_reader
from tests.support.builders.requests import access_request


def parts(authorization: bytes) -> tuple[str, ...] | None:
    reading = bearer_reader().read(access_request(headers=((b"Authorization", authorization),)))
    if reading is None:
        return None
    assert isinstance(reading, Credential)
    return reading.parts


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
def test_the_scheme_has_no_case(scheme: bytes) -> None:
    assert parts(scheme + b" abc.def") == ("abc.def",)


def test_more_than_one_space_is_allowed() -> None:
    assert parts(b"  Bearer   abc ") == ("abc",)


@pytest.mark.parametrize("other", [b"", b"Basic dXNlcjpwYXNz", b"Bearerx abc", b"Bearer2 abc", b"DPoP abc", b"abc"])
def test_another_scheme_shows_nothing_here(other: bytes) -> None:
    assert parts(other) is None


@pytest.mark.parametrize(
    "broken",
    [b"Bearer", b"Bearer ", b"Bearer a b", b"Bearer a,b", b"Bearer\tabc", b"Bearer,abc", b'Bearer "abc"', b"Bearer ="],
)
def test_a_broken_token_was_shown_and_is_nobodys(broken: bytes) -> None:
    assert parts(broken) == (UNREADABLE,)


def test_padding_is_part_of_the_token() -> None:
    assert parts(b"Bearer YWJj==") == ("YWJj==",)


@given(st.binary(max_size=60))
def test_a_token_is_read_only_where_the_plain_form_has_it(authorization: bytes) -> None:
    for value in (authorization, b"Bearer " + authorization):
        found = parts(value)
        if found not in {None, (UNREADABLE,)}:
            assert found is not None
            scheme, _, token = value.strip(b" \t").partition(b" ")
            assert scheme.lower() == b"bearer"
            assert token.strip(b" ") == found[0].encode("ascii")
