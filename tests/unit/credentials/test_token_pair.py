from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Ambiguous, Credential, Reading
from tests.support.builders.credentials import pair_reader, reader_settings
from tests.support.builders.requests import access_request

USER, TOKEN, SESSION = (b"X-User-Id", b"u1"), (b"X-Auth-Token", b"t1"), (b"X-Session", b"s1")


def read(*headers: tuple[bytes, bytes], session_header: str | None = None) -> Reading:
    return pair_reader(session_header).read(access_request(headers=headers))


def parts(*headers: tuple[bytes, bytes], session_header: str | None = None) -> tuple[str, ...]:
    reading = read(*headers, session_header=session_header)
    assert isinstance(reading, Credential)
    return reading.parts


def test_a_pair_is_user_and_token_in_any_order() -> None:
    assert parts(USER, TOKEN) == parts(TOKEN, USER) == ("u1", "t1")


@pytest.mark.parametrize(
    "half", [(USER,), (TOKEN,), (USER, (b"X-Auth-Token", b"")), ((b"X-User-Id", b" "), TOKEN), (SESSION,)]
)
def test_half_a_pair_is_no_credential(half: tuple[tuple[bytes, bytes], ...]) -> None:
    assert read(*half, session_header="x-session") is None


def test_the_session_is_a_third_part_where_a_header_is_named() -> None:
    assert parts(USER, TOKEN, SESSION, session_header="x-session") == ("u1", "t1", "s1")
    assert parts(USER, TOKEN, session_header="x-session") == ("u1", "t1")
    assert parts(USER, TOKEN, SESSION) == ("u1", "t1")


@pytest.mark.parametrize("doubled", [USER, TOKEN, SESSION])
def test_any_repeated_field_is_ambiguous(doubled: tuple[bytes, bytes]) -> None:
    assert read(USER, TOKEN, SESSION, doubled, session_header="x-session") == Ambiguous("pair")


def test_a_repeated_half_is_ambiguous_too() -> None:
    assert read(USER, USER) == Ambiguous("pair")


def test_an_unreadable_user_is_nobody() -> None:
    assert parts((b"X-User-Id", b"u\xff1"), TOKEN) == (UNREADABLE, "t1")


def test_all_its_headers_are_removed_before_forwarding() -> None:
    assert pair_reader("X-Session").headers == {b"x-user-id", b"x-auth-token", b"x-session"}


def test_one_header_cannot_be_both_halves() -> None:
    with pytest.raises(ValidationError, match="different headers"):
        reader_settings(kind="token_pair", user_header="X-User", token_header="x-user")
