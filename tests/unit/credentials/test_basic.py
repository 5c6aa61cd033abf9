from __future__ import annotations

from base64 import b64encode

import pytest

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Credential, CredentialKind
from tests.support.builders.credentials import basic_reader, reader, shown_in_basic
from tests.support.builders.requests import access_request


def read(field: tuple[bytes, bytes], **settings: object) -> Credential | None:
    reading = reader("git", kind="basic", type="user", **settings).read(access_request(headers=(field,)))
    assert reading is None or isinstance(reading, Credential)
    return reading


def test_the_password_is_an_api_key() -> None:
    reading = read(shown_in_basic(b"k:e:y"))
    assert reading is not None
    assert (reading.parts, reading.kind, reading.key_type) == (("k:e:y",), CredentialKind.API_KEY, "user")
    assert reading.ambient


def test_the_user_may_be_the_key() -> None:
    reading = read(shown_in_basic(b"", user=b"key"), key="user")
    assert reading is not None
    assert reading.parts == ("key",)


@pytest.mark.parametrize(
    "value",
    [
        b"Basic",
        b"Basic ",
        b"basic a b",
        b"Basic !!!!",
        b"Basic YQ",
        b"Basic YTpi\xff",
        b"Basic " + b64encode(b"no colon"),
        b"Basic " + b64encode(b"user:"),
        b"Basic " + b64encode("user:schlüssel".encode()),
        b"Basic " + b64encode(b"user:a\0b"),
        b"Basic " + b64encode(b"user:key")[:-1],
    ],
)
def test_what_is_no_name_and_password_was_shown_and_is_nobodys(value: bytes) -> None:
    reading = read((b"Authorization", value))
    assert reading is not None
    assert reading.parts == (UNREADABLE,)


@pytest.mark.parametrize("value", [b"", b"Bearer YTpi", b"Basics YTpi"])
def test_another_scheme_shows_nothing(value: bytes) -> None:
    assert read((b"Authorization", value)) is None


def test_a_key_without_the_prefix_is_nobodys() -> None:
    reading = read(shown_in_basic(b"sk_1"), prefix="uk_")
    assert reading is not None
    assert reading.parts == (UNREADABLE,)


def test_a_page_is_told_of_no_way_to_forget_it() -> None:
    assert basic_reader().clearing("app.test", "/") == ()
