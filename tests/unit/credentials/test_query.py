from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from tests.support.builders.credentials import query_reader, reader_settings
from tests.support.builders.requests import access_request


def read(query: str, **settings: object) -> Reading:
    return query_reader(**settings).read(access_request(target=f"/a?{query}"))


def parts(query: str, **settings: object) -> tuple[str, ...] | None:
    reading = read(query, **settings)
    assert not isinstance(reading, Ambiguous)
    return reading.parts if reading is not None else None


@pytest.mark.parametrize(
    ("query", "secret"),
    [
        ("access_token=abc", "abc"),
        ("a=1&access_token=a.b-c%3D%3D&b=2", "a.b-c=="),
        ("access%5Ftoken=abc", "abc"),
        ("access_token=a+b", "a b"),
        ("access_token=%61bc", "abc"),
        ("access_token=a=b", "a=b"),
        ("access_token=%ff", UNREADABLE),
        ("access_token=%00", UNREADABLE),
    ],
)
def test_a_parameter_is_decoded_as_forms_are(query: str, secret: str) -> None:
    assert parts(query) == (secret,)


@pytest.mark.parametrize(
    "query", ["", "access_token", "access_token=", "Access_Token=a", "token=a", "a=access_token=b"]
)
def test_another_parameter_shows_nothing(query: str) -> None:
    assert parts(query) is None


@pytest.mark.parametrize("query", ["access_token=a&access_token=a", "access_token=&access%5ftoken=a"])
def test_two_are_ambiguous(query: str) -> None:
    assert read(query) == Ambiguous("url")


def test_a_target_without_a_query_shows_nothing() -> None:
    assert query_reader().read(access_request(target="/a")) is None


def test_with_a_type_it_is_a_key() -> None:
    key, token = read("access_token=a", type="user"), read("access_token=a")
    assert isinstance(key, Credential)
    assert isinstance(token, Credential)
    assert (key.kind, key.key_type) == (CredentialKind.API_KEY, "user")
    assert (token.kind, token.key_type) == (CredentialKind.BEARER, "")


def test_a_secret_of_another_form_is_nobodys() -> None:
    assert parts("access_token=uk_1", prefix="sk_") == (UNREADABLE,)


@pytest.mark.parametrize(
    ("target", "bare"),
    [
        ("/a?access_token=abc", "/a"),
        ("/a?x=%2f&access_token=abc&&y", "/a?x=%2f&&y"),
        ("/a?access%5ftoken=1&access_token=2&b", "/a?b"),
        ("/a?access_token", "/a"),
    ],
)
def test_it_is_cut_out_and_every_other_byte_stays(target: str, bare: str) -> None:
    assert str(query_reader().without(access_request(target=target)).target) == bare


def test_a_request_without_it_stays_the_same_object() -> None:
    access = access_request(target="/a?b=c")
    assert query_reader().without(access) is access


@pytest.mark.parametrize("wrong", ["", "a b", "a&b", "a=b"])
def test_a_parameter_has_a_plain_name(wrong: str) -> None:
    with pytest.raises(ValidationError):
        reader_settings(kind="query", parameter=wrong)
