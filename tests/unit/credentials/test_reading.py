from __future__ import annotations

import pytest

from gateway.credentials.reading import read_one
from gateway.model.credential import Ambiguous, Credential, Reading
from gateway.model.route import OnMany
from tests.support.builders.credentials import api_key_reader, bearer_reader, cookie_reader, pair_reader
from tests.support.builders.requests import access_request

READERS = (api_key_reader(), bearer_reader(), cookie_reader(), pair_reader())
KEY, BEARER, COOKIE = (b"X-Api-Key", b"k"), (b"Authorization", b"Bearer t"), (b"Cookie", b"__session=c")
BOTH_POLICIES = pytest.mark.parametrize("on_many", OnMany)


def read(*headers: tuple[bytes, bytes], on_many: OnMany = OnMany.REJECT) -> Reading:
    return read_one(READERS, access_request(headers=headers), on_many)


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
