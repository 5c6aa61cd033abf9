from __future__ import annotations

import pytest

from gateway.credentials.clearing import clearing_fields
from gateway.model.route import Access, Match, Route
from tests.support.builders.credentials import api_key_reader, cookie_reader
from tests.support.builders.requests import access_request

ACCESS = access_request()
OPEN = Route(name="open", match=Match("/"), access=Access.OPTIONAL)
CLOSED = Route(name="closed", match=Match("/"))


def test_a_dead_cookie_is_forgotten_where_nobody_has_to_sign_in() -> None:
    ((name, value), *_) = clearing_fields(cookie_reader(), ACCESS, OPEN, repeated=False)
    assert (name.lower(), b"Max-Age=0" in value) == (b"set-cookie", True)


def test_one_of_two_cookies_is_forgotten_anywhere() -> None:
    assert clearing_fields(cookie_reader(), ACCESS, CLOSED, repeated=True)


@pytest.mark.parametrize("repeated", [False, True])
def test_no_browser_keeps_a_key(*, repeated: bool) -> None:
    assert clearing_fields(api_key_reader(), ACCESS, OPEN, repeated=repeated) == ()
    assert clearing_fields(None, ACCESS, OPEN, repeated=repeated) == ()


def test_a_dead_cookie_is_left_alone_where_a_session_is_required() -> None:
    assert clearing_fields(cookie_reader(), ACCESS, CLOSED, repeated=False) == ()
