from __future__ import annotations

import pytest

from gateway.policy.cors import Cors, requested_method
from tests.support.builders.requests import access_request

APP = b"https://app.example.com"
CORS = Cors((APP.decode(),), (b"x-api-key", b"authorization"), (b"X-Development-Session", b"Retry-After"))
PREFLIGHT = (b"Access-Control-Request-Method", b"GET")


def test_a_listed_page_may_read_the_answer() -> None:
    assert dict(CORS.fields(access_request(headers=((b"Origin", APP),)))) == {
        b"Vary": b"Origin",
        b"Access-Control-Allow-Origin": APP,
        b"Access-Control-Allow-Credentials": b"true",
        b"Access-Control-Expose-Headers": b"X-Development-Session, Retry-After",
    }


@pytest.mark.parametrize(
    "origins",
    [
        (),
        (b"null",),
        (b"*",),
        (b"https://app.example.com.evil.example",),
        (b"http://app.example.com",),
        (b"https://APP.example.com",),
        (APP, APP),
        (APP, b"https://evil.example"),
    ],
)
def test_any_other_page_is_told_nothing_but_that_it_depends(origins: tuple[bytes, ...]) -> None:
    access = access_request(headers=tuple((b"Origin", origin) for origin in origins))
    assert CORS.fields(access) == ((b"Vary", b"Origin"),)
    preflight = access_request("OPTIONS", headers=(*((b"Origin", origin) for origin in origins), PREFLIGHT))
    assert CORS.preflight(preflight, b"GET") == ((b"Vary", b"Origin"),)


def test_a_preflight_names_what_may_be_sent_and_repeats_no_byte_of_the_request() -> None:
    asked = (b"Access-Control-Request-Headers", b"x-evil")
    answer = dict(CORS.preflight(access_request("OPTIONS", headers=((b"Origin", APP), PREFLIGHT, asked)), b"GET, HEAD"))
    assert answer[b"Access-Control-Allow-Headers"] == b"authorization, content-type, x-api-key"
    assert answer[b"Access-Control-Allow-Methods"] == b"GET, HEAD"
    assert b"x-evil" not in b"".join(answer.values())


def test_an_options_request_that_is_no_preflight_gets_none() -> None:
    assert CORS.preflight(access_request("OPTIONS", headers=((b"Origin", APP),)), b"GET") == ((b"Vary", b"Origin"),)


@pytest.mark.parametrize(
    ("method", "headers", "asked"),
    [
        ("OPTIONS", (PREFLIGHT,), "GET"),
        ("OPTIONS", ((b"Access-Control-Request-Method", b"DELETE"),), "DELETE"),
        ("OPTIONS", (), None),
        ("OPTIONS", (PREFLIGHT, PREFLIGHT), None),
        ("GET", (PREFLIGHT,), None),
    ],
)
def test_a_preflight_asks_about_exactly_one_method(
    method: str, headers: tuple[tuple[bytes, bytes], ...], asked: str | None
) -> None:
    assert requested_method(access_request(method, headers=headers)) == asked
    assert CORS.admits(access_request(method, headers=(*headers, (b"Origin", APP)))) is (asked is not None)
    assert not CORS.admits(access_request(method, headers=(*headers, (b"Origin", b"https://evil.example"))))


def test_what_is_not_said_is_not_sent() -> None:
    quiet = Cors((APP.decode(),), (), (), max_age=5)
    assert b"Access-Control-Expose-Headers" not in dict(quiet.fields(access_request(headers=((b"Origin", APP),))))
    told = dict(quiet.preflight(access_request("OPTIONS", headers=((b"Origin", APP), PREFLIGHT)), b"GET"))
    assert told[b"Access-Control-Max-Age"] == b"5"
