from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.credentials.reader import UNREADABLE, Reader
from gateway.model.credential import Credential
from tests.support.builders.credentials import api_key_reader, reader, reader_settings
from tests.support.builders.requests import access_request


@pytest.mark.parametrize("key_type", ["project", "user", "organization"])
def test_the_key_carries_the_type_that_the_reader_says(key_type: str) -> None:
    keys = reader("keys", kind="api_key", header="x-key", type=key_type)
    reading = keys.read(access_request(headers=((b"X-Key", b"sk_live_abc123xyz456"),)))
    assert isinstance(reading, Credential)
    assert reading.key_type == key_type
    assert reading.parts == ("sk_live_abc123xyz456",)


def test_an_empty_field_shows_nothing() -> None:
    assert api_key_reader().read(access_request(headers=((b"X-Api-Key", b" "),))) is None


def test_another_spelling_of_the_field_is_another_field() -> None:
    assert api_key_reader().read(access_request(headers=((b"X_Api_Key", b"k"),))) is None


def test_a_list_of_keys_is_one_unknown_key_and_not_the_first() -> None:
    reading = api_key_reader().read(access_request(headers=((b"X-Api-Key", b"good, bad"),)))
    assert isinstance(reading, Credential)
    assert reading.parts == ("good, bad",)


@pytest.mark.parametrize("header", ["", "x api key", "Host", "content-length", "x-kéy", "x:y"])
def test_a_header_that_cannot_carry_a_key_is_refused_in_the_config(header: str) -> None:
    with pytest.raises(ValidationError):
        reader_settings(kind="api_key", header=header, type="project")


def test_a_reader_needs_an_authority_and_a_known_type() -> None:
    with pytest.raises(ValidationError):
        reader_settings(kind="api_key", header="x-key", type="project", authority=[])
    with pytest.raises(ValidationError):
        reader_settings(kind="api_key", header="x-key", type="team")


def sdk(**more: object) -> Reader:
    return reader("sdk", kind="api_key", scheme="Token", type="project", **more)


@pytest.mark.parametrize("value", [b"Token abc:d=", b"token   abc:d="])
def test_a_key_may_stand_behind_a_scheme(value: bytes) -> None:
    reading = sdk().read(access_request(headers=((b"Authorization", value),)))
    assert isinstance(reading, Credential)
    assert reading.parts == ("abc:d=",)


@pytest.mark.parametrize("value", [b"Token", b"Token a b", b"Token\ta"])
def test_a_broken_key_behind_the_scheme_was_shown_and_is_nobodys(value: bytes) -> None:
    reading = sdk().read(access_request(headers=((b"Authorization", value),)))
    assert isinstance(reading, Credential)
    assert reading.parts == (UNREADABLE,)


def test_another_scheme_shows_nothing() -> None:
    assert sdk().read(access_request(headers=((b"Authorization", b"Tokens abc"),))) is None


def test_a_scheme_may_be_in_another_header() -> None:
    reading = sdk(header="X-Key").read(access_request(headers=((b"X-Key", b"Token abc"),)))
    assert isinstance(reading, Credential)
    assert reading.parts == ("abc",)


def test_a_key_without_the_prefix_is_nobodys() -> None:
    keys = reader("keys", kind="api_key", header="x-key", type="project", prefix=["sk_", "uk_"])
    for value, part in ((b"sk_1", "sk_1"), (b"uk_1", "uk_1"), (b"ok_1", UNREADABLE)):
        reading = keys.read(access_request(headers=((b"X-Key", value),)))
        assert isinstance(reading, Credential)
        assert reading.parts == (part,)


@pytest.mark.parametrize("wrong", [{}, {"scheme": "two words"}, {"scheme": "Basic"}, {"scheme": ""}])
def test_a_reader_of_keys_needs_a_header_or_a_scheme(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        reader_settings(kind="api_key", type="project", **wrong)
