from __future__ import annotations

import msgspec
import pytest

from gateway.model.credential import CredentialKind
from gateway.model.host import parse_host
from gateway.model.route import CorsRules
from gateway.policy.cross_origin import Cors, is_foreign_cookie, requested_method
from tests.support.builders.credentials import credential
from tests.support.builders.requests import access_request

APP = b"https://app.example.com"
RULES = CorsRules(frozenset({APP.decode()}), ("X-Trace",), ("X-Development-Session", "Retry-After"))
CORS = Cors(RULES, (b"x-api-key", b"authorization"), ("GET", "HEAD"))
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
    assert CORS.preflight(preflight) is None


def test_a_preflight_names_what_may_be_sent_and_repeats_no_byte_of_the_request() -> None:
    requested = (b"Access-Control-Request-Headers", b"x-evil")
    answer = dict(CORS.preflight(access_request("OPTIONS", headers=((b"Origin", APP), PREFLIGHT, requested))) or ())
    assert answer[b"Access-Control-Allow-Headers"] == b"authorization, content-type, x-api-key, x-trace"
    assert answer[b"Access-Control-Allow-Methods"] == b"GET, HEAD"
    assert b"x-evil" not in b"".join(answer.values())


def test_an_options_request_that_is_no_preflight_gets_none() -> None:
    assert CORS.preflight(access_request("OPTIONS", headers=((b"Origin", APP),))) is None


@pytest.mark.parametrize(
    ("method", "headers", "requested"),
    [
        ("OPTIONS", (PREFLIGHT,), "GET"),
        ("OPTIONS", ((b"Access-Control-Request-Method", b"DELETE"),), "DELETE"),
        ("OPTIONS", (), None),
        ("OPTIONS", (PREFLIGHT, PREFLIGHT), None),
        ("GET", (PREFLIGHT,), None),
    ],
)
def test_a_preflight_asks_about_exactly_one_method(
    method: str, headers: tuple[tuple[bytes, bytes], ...], requested: str | None
) -> None:
    assert requested_method(access_request(method, headers=headers)) == requested
    assert (CORS.preflight(access_request(method, headers=(*headers, (b"Origin", APP)))) is None) is (requested is None)
    assert CORS.preflight(access_request(method, headers=(*headers, (b"Origin", b"https://evil.example")))) is None


def test_what_is_not_said_is_not_sent() -> None:
    quiet = Cors(CorsRules(frozenset({APP.decode()}), max_age=5), (), ("GET",))
    assert b"Access-Control-Expose-Headers" not in dict(quiet.fields(access_request(headers=((b"Origin", APP),))))
    fields = dict(quiet.preflight(access_request("OPTIONS", headers=((b"Origin", APP), PREFLIGHT))) or ())
    assert fields[b"Access-Control-Max-Age"] == b"5"


LISTED = frozenset({"https://partner.test"})
UPGRADE = (b"Upgrade", b"websocket")


def refused(*origins: bytes, method: str = "POST", host: bytes = b"app.test", scheme: str = "http") -> bool:
    access = access_request(method, headers=tuple((b"Origin", origin) for origin in origins), host=host)
    access = msgspec.structs.replace(access, scheme=scheme, host=parse_host([host], scheme))
    return is_foreign_cookie(access, LISTED, credential())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_cookie_with_an_unsafe_method_needs_an_origin(method: str) -> None:
    assert refused(method=method)
    assert not refused(b"http://app.test", method=method)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_need_none(method: str) -> None:
    assert not refused(method=method)
    assert not refused(b"https://evil.test", method=method)


def test_an_upgrade_needs_an_origin_whatever_its_method() -> None:
    def upgrade(*headers: tuple[bytes, bytes]) -> bool:
        return is_foreign_cookie(access_request(headers=(UPGRADE, *headers), host=b"app.test"), LISTED, credential())

    assert upgrade()
    assert upgrade((b"Origin", b"https://evil.test"))
    assert not upgrade((b"Origin", b"https://app.test"))


@pytest.mark.parametrize("kind", [CredentialKind.API_KEY, CredentialKind.BEARER, CredentialKind.TOKEN_PAIR])
def test_credentials_that_browsers_do_not_add_need_none(kind: CredentialKind) -> None:
    assert not is_foreign_cookie(access_request("POST"), LISTED, credential(kind))


@pytest.mark.parametrize(
    "origin",
    [b"", b"null", b"NULL", b"https://evil.test", b"https://app.test.evil.test", b"https://evil.test/app.test",
     b"https://app.test@evil.test", b"app.test", b"ftp://app.test", b"https://app.test:8443", b"https://app.test/",
     b"https://app.test https://app.test", b"https://xapp.test", b"https://app.test\xff", b"https://",
     b"https://partner.test:8443", b"http://partner.test", b"https://partner.test.evil.test"],
)  # fmt: skip
def test_foreign_and_broken_origins_are_refused(origin: bytes) -> None:
    assert refused(origin)


def test_two_origins_are_refused_even_where_both_are_ours() -> None:
    assert refused(b"http://app.test", b"http://app.test")


@pytest.mark.parametrize("origin", [b"https://partner.test", b"https://PARTNER.test"])
def test_listed_origins_pass(origin: bytes) -> None:
    assert not refused(origin)


@pytest.mark.parametrize(
    ("origin", "host"),
    [(b"http://app.test", b"app.test"), (b"https://app.test", b"app.test"), (b"http://APP.test", b"app.test"),
     (b"http://app.test:8080", b"app.test:8080"), (b"https://app.test:8443", b"app.test:8443"),
     (b"http://app.test", b"app.test:80"), (b"http://[::1]:8080", b"[::1]:8080")],
)  # fmt: skip
def test_the_own_host_passes_and_a_proxy_in_front_may_have_ended_tls(origin: bytes, host: bytes) -> None:
    assert not refused(origin, host=host)


def test_another_port_of_the_own_host_is_foreign() -> None:
    assert refused(b"http://app.test", host=b"app.test:8080")
    assert refused(b"http://app.test:8080", host=b"app.test")


def test_where_we_were_asked_over_https_a_plain_page_is_foreign() -> None:
    assert refused(b"http://app.test", scheme="https")
    assert not refused(b"https://app.test", scheme="https")
