from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.source.names import CanonicalPath, CookieName, FieldName, PathPrefix

FIELD: TypeAdapter[str] = TypeAdapter(FieldName)
COOKIE: TypeAdapter[str] = TypeAdapter(CookieName)


@pytest.mark.parametrize("name", ["X-Api-Key", "x_key", "Remote-User", "a" * 128])
def test_field_names_are_kept_as_they_are_written(name: str) -> None:
    assert FIELD.validate_python(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "a\n", "a" * 129])
def test_what_is_no_token_is_no_name(name: str) -> None:
    for names in (FIELD, COOKIE):
        with pytest.raises(ValidationError):
            names.validate_python(name)


@pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding", "Connection", "Upgrade"])
def test_fields_that_frame_a_message_carry_nothing_else(name: str) -> None:
    with pytest.raises(ValidationError, match="frames the message"):
        FIELD.validate_python(name)


def test_cookie_names_keep_their_case_and_prefixes() -> None:
    assert COOKIE.validate_python("__Host-Session") == "__Host-Session"


PATH: TypeAdapter[str] = TypeAdapter(CanonicalPath)
PREFIX: TypeAdapter[str] = TypeAdapter(PathPrefix)


@pytest.mark.parametrize("path", ["/", "/orders/", "/orders", "/a%2Fb", "/a~b"])
def test_a_path_stands_as_requests_are_matched_by_it(path: str) -> None:
    assert PATH.validate_python(path) == path


@pytest.mark.parametrize("path", ["", "orders", "/a/../b", "//a", "/a?b", "/%61", "/a%2fb", "/a b", "/a#b"])
def test_a_path_that_no_request_can_meet_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        PATH.validate_python(path)


@pytest.mark.parametrize(("written", "prefix"), [("", ""), ("/", ""), ("/a", "/a"), ("/a/", "/a")])
def test_a_prefix_has_no_slash_at_its_end(written: str, prefix: str) -> None:
    assert PREFIX.validate_python(written) == prefix
