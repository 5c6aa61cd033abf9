from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.credentials.kinds import in_url, read_by_default, shared_places
from gateway.model.credential import CredentialKind
from tests.support.builders.credentials import reader, reader_settings

API_KEY = {"kind": "api_key", "header": "x-api-key", "type": "project"}
SDK = {"kind": "api_key", "scheme": "Bearer", "type": "project"}
EVERY_KIND = {
    CredentialKind.API_KEY: API_KEY,
    CredentialKind.BEARER: {"kind": "bearer"},
    CredentialKind.COOKIE: {"kind": "cookie", "name": "__session"},
    CredentialKind.TOKEN_PAIR: {"kind": "token_pair", "user_header": "x-user-id", "token_header": "x-auth-token"},
}


@pytest.mark.parametrize("kind", CredentialKind)
def test_every_kind_of_credential_has_a_reader(kind: CredentialKind) -> None:
    built = reader("named", **EVERY_KIND[kind])
    assert (built.name, built.kind) == ("named", kind)


@pytest.mark.parametrize("wrong", [{"kind": "password"}, {}, {"kind": "bearer", "header": "x"}])
def test_unknown_kinds_and_keys_are_errors(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        reader_settings(**wrong)


def test_one_authority_may_stand_without_a_list() -> None:
    assert list(reader_settings(kind="bearer", authority="accounts").authority) == ["accounts"]
    assert list(reader_settings(kind="bearer", authority=["tokens", "accounts"]).authority) == ["tokens", "accounts"]


def test_the_kinds_of_one_config_read_different_places() -> None:
    assert shared_places({kind.value: reader_settings(**settings) for kind, settings in EVERY_KIND.items()}) == []


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        (API_KEY | {"header": "X-Key"}, API_KEY | {"header": "x-key", "type": "user"}, "header x-key"),
        ({"kind": "bearer"}, {"kind": "bearer"}, "header authorization (bearer)"),
        (SDK, {"kind": "bearer"}, "header authorization (bearer)"),
        (SDK, {"kind": "bearer", "form": "jwt"}, "header authorization (bearer)"),
        (SDK | {"prefix": "sk_"}, {"kind": "bearer"}, "header authorization (bearer)"),
        (SDK | {"prefix": "ey"}, {"kind": "bearer", "form": "jwt"}, "header authorization (bearer)"),
        (SDK | {"prefix": "sk_"}, SDK | {"prefix": ["uk_", "sk_live_"]}, "header authorization (bearer)"),
        ({"kind": "basic", "type": "user"}, {"kind": "basic", "type": "project"}, "header authorization (basic)"),
        ({"kind": "bearer"}, API_KEY | {"header": "Authorization"}, "header authorization"),
        ({"kind": "cookie", "name": "s"}, {"kind": "cookie", "name": "s"}, "cookie s"),
        (EVERY_KIND[CredentialKind.TOKEN_PAIR], API_KEY | {"header": "x-auth-token"}, "header x-auth-token"),
    ],
)
def test_two_readers_of_one_place_are_found(one: dict[str, object], other: dict[str, object], place: str) -> None:
    assert shared_places({"one": reader_settings(**one), "other": reader_settings(**other)}) == [
        ("other", "one", place)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SDK | {"prefix": "sk_"}, {"kind": "bearer", "form": "jwt"}),
        (SDK | {"prefix": "sk_"}, {"kind": "bearer", "prefix": ["gw_"]}),
        (SDK | {"scheme": "Token"}, {"kind": "bearer"}),
        ({"kind": "basic", "type": "user"}, SDK),
        (SDK | {"prefix": "sk_"}, SDK | {"prefix": "uk_"}),
    ],
)
def test_two_readers_of_one_header_are_told_apart_by_scheme_and_form(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert shared_places({"one": reader_settings(**one), "other": reader_settings(**other)}) == []


def test_what_is_in_a_url_is_read_only_where_a_route_says_so() -> None:
    readers = {
        "key": reader_settings(**API_KEY),
        "url": reader_settings(kind="query", parameter="token"),
        "socket": reader_settings(kind="websocket_protocol", begins="bearer."),
    }
    assert read_by_default(readers) == ("key",)
    assert [in_url(settings) for settings in readers.values()] == [False, True, True]


def test_cookies_of_another_case_are_other_cookies() -> None:
    one, other = reader_settings(kind="cookie", name="s"), reader_settings(kind="cookie", name="S")
    assert shared_places({"one": one, "other": other}) == []
