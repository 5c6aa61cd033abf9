from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.reader import UNREADABLE, Reader, RepeatedError, only_value, read_one, value_of
from gateway.model.credential import Ambiguous, Credential, Reading
from gateway.model.route import OnMany
from tests.support.builders.credentials import api_key_reader, bearer_reader, cookie_reader, pair_reader
from tests.support.builders.requests import access_request

READERS = {
    "api_key": api_key_reader(header="X-API-Key"),
    "bearer": bearer_reader(),
    "cookie": cookie_reader("Session"),
    "token_pair": pair_reader("X-Session"),
}
HEADERS = (
    (b"X-API-Key", b"k"),
    (b"Authorization", b"Bearer t"),
    (b"Cookie", b"Session=c"),
    (b"X-User-Id", b"u"),
    (b"X-Auth-Token", b"t"),
    (b"X-Session", b"s"),
)


@pytest.mark.parametrize("kind", READERS)
def test_what_a_reader_says_it_reads_is_all_that_it_reads(kind: str) -> None:
    """Forwarding removes what a reader names, so without those fields it must find nothing."""
    reader: Reader = READERS[kind]
    assert isinstance(reader.read(access_request(headers=HEADERS)), Credential)
    others = tuple(
        (name, value)
        for name, value in HEADERS
        if name.lower() not in reader.headers and not (name == b"Cookie" and reader.cookies)
    )
    assert len(others) < len(HEADERS)
    assert reader.read(access_request(headers=others)) is None


@pytest.mark.parametrize("kind", READERS)
def test_field_names_are_in_lower_case_and_cookie_names_as_they_are(kind: str) -> None:
    reader: Reader = READERS[kind]
    assert all(name == name.lower() for name in reader.headers)
    assert reader.cookies <= {b"Session"}


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


ROUTE_READERS = (api_key_reader(), bearer_reader(), cookie_reader(), pair_reader())
KEY, BEARER, COOKIE = (b"X-Api-Key", b"k"), (b"Authorization", b"Bearer t"), (b"Cookie", b"__session=c")
BOTH_POLICIES = pytest.mark.parametrize("on_many", OnMany)


def read(*headers: tuple[bytes, bytes], on_many: OnMany = OnMany.REJECT) -> Reading:
    return read_one(ROUTE_READERS, access_request(headers=headers), on_many)


def found_by(reading: Reading) -> str:
    assert isinstance(reading, Credential)
    return reading.reader


@BOTH_POLICIES
def test_nobody_is_nobody(on_many: OnMany) -> None:
    assert read(on_many=on_many) is None


@BOTH_POLICIES
def test_one_credential_is_the_one(on_many: OnMany) -> None:
    assert found_by(read(BEARER, on_many=on_many)) == "token"


def test_two_credentials_are_ambiguous_and_both_are_named() -> None:
    assert read(COOKIE, KEY) == Ambiguous("project_key and cookie")


def test_the_first_of_the_list_wins_where_the_route_says_so() -> None:
    assert found_by(read(COOKIE, KEY, on_many=OnMany.FIRST)) == "project_key"


@BOTH_POLICIES
@pytest.mark.parametrize("doubled", [(KEY, KEY), (KEY, COOKIE, COOKIE), (KEY, BEARER, BEARER)])
def test_a_repeated_credential_is_never_chosen_from(on_many: OnMany, doubled: tuple[tuple[bytes, bytes], ...]) -> None:
    assert isinstance(read(*doubled, on_many=on_many), Ambiguous)


def test_a_bad_first_credential_does_not_make_room_for_the_second() -> None:
    reading = read((b"X-Api-Key", b"\xff"), BEARER, on_many=OnMany.FIRST)
    assert found_by(reading) == "project_key"


def test_half_a_pair_beside_a_key_is_nothing_besides() -> None:
    assert found_by(read(KEY, (b"X-User-Id", b"u"))) == "project_key"


def test_readers_that_are_not_listed_see_nothing() -> None:
    assert read_one((bearer_reader(),), access_request(headers=(KEY, COOKIE)), OnMany.REJECT) is None
