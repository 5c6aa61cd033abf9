from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.cookie import CookieReader, CookieSettings
from gateway.endpoints.session_cookies import CookieRenewal, dev_session_as_cookie, without_dev_session
from gateway.model.answers import Found, Reason, Rejected, Resolution, Tier
from gateway.model.credential import Ambiguous, Credential
from gateway.model.decision import Decision
from gateway.model.target import parse_target
from tests.support.builders.example_sessions import BEARER, COOKIE, FOUND
from tests.support.builders.requests import access_request

READER = CookieReader("cookie", CookieSettings(kind="cookie", name="__session", authority=("a",)), lambda _: b"f")


@pytest.mark.parametrize(
    ("target", "rest", "tokens"),
    [
        ("/a", "/a", ()),
        ("/a?", "/a?", ()),
        ("/a?x=1&x=%20", "/a?x=1&x=%20", ()),
        ("/a?__dev_session__=t", "/a", ("t",)),
        ("/a?__dev_session__=t&x=%2f&&y", "/a?x=%2f&&y", ("t",)),
        ("/a?x=1&__dev_session__=t", "/a?x=1", ("t",)),
        ("/a?%5F%5Fdev_session__=t", "/a", ("t",)),
        ("/a?__dev_session__=t&__dev_session__=u", "/a", ("t", "u")),
        ("/a?__dev_session__", "/a", ("",)),
        ("/a?my__dev_session__=t", "/a?my__dev_session__=t", ()),
    ],
)
def test_the_token_is_cut_out_in_every_spelling_and_the_rest_is_left(
    target: str, rest: str, tokens: tuple[str, ...]
) -> None:
    left, values = without_dev_session(parse_target(target))
    assert (str(left), values) == (rest, tokens)


@given(query=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=50))
def test_whatever_the_query_is_nothing_is_left_of_the_token(query: str) -> None:
    left, _ = without_dev_session(parse_target(f"/?{query}&__dev_session__=secret-1"))
    assert "secret-1" not in str(left)


def read(target: str, cookies: tuple[bytes, ...] = ()) -> object:
    access = access_request(target=target, headers=tuple((b"Cookie", cookie) for cookie in cookies))
    reading = READER.read(dev_session_as_cookie(access, (b"__session",)))
    return reading.parts[0] if isinstance(reading, Credential) else reading


def test_it_stands_for_the_cookie() -> None:
    assert read("/session?__dev_session__=a.b-c_d") == "a.b-c_d"
    assert read("/session?__dev_session__=good", (b"theme=dark",)) == "good"
    assert read("/session?__dev_session__=") is None


@pytest.mark.parametrize("cookies", [(b"__session=other",), (b"__session=good",)])
def test_beside_a_cookie_it_is_one_too_many(cookies: tuple[bytes, ...]) -> None:
    assert read("/session?__dev_session__=good", cookies) == Ambiguous("cookie")


def test_two_of_them_are_ambiguous() -> None:
    assert read("/session?__dev_session__=a&__dev_session__=b") == Ambiguous("cookie")


@pytest.mark.parametrize("value", ["x%3B%20__session%3Dgood", "%00", "%C3%BC", "a+b"])
def test_what_is_no_token_is_shown_and_bad_and_smuggles_nothing(value: str) -> None:
    assert read(f"/session?__dev_session__={value}") == "(unreadable)"


def renew(values: Found, authority: str) -> str | None:
    return "next" if (values, authority) == (FOUND["wacht"], "accounts") else None


RENEWAL = CookieRenewal(renew, {"cookie": "sid"})


def decision(credential: Credential | None, answer: Found | Rejected | None, authority: str = "accounts") -> Decision:
    resolution = Resolution(answer, Tier.MEMORY, authority=authority)
    return Decision(access=access_request(), credential=credential, resolution=resolution)


def test_a_cookie_that_is_due_is_set_again_under_its_reader_s_name() -> None:
    assert RENEWAL.fields(decision(COOKIE, FOUND["wacht"])) == (
        (b"Set-Cookie", b"sid=next; Path=/; HttpOnly; Secure; SameSite=Lax"),
    )


def test_a_cookie_that_several_hosts_share_is_renewed_for_all_of_them() -> None:
    renewal = CookieRenewal(renew, {"cookie": "sid"}, (), {"cookie": "example.com"})
    (field,) = renewal.fields(decision(COOKIE, FOUND["wacht"]))
    assert field == (b"Set-Cookie", b"sid=next; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax")


def test_in_development_it_goes_back_in_a_field_of_its_own() -> None:
    renewal = CookieRenewal(renew, {"cookie": "sid"}, ["cookie"])
    assert renewal.fields(decision(COOKIE, FOUND["wacht"])) == ((b"X-Development-Session", b"next"),)


@pytest.mark.parametrize(
    ("credential", "answer", "authority"),
    [
        (BEARER, FOUND["wacht"], "accounts"),
        (COOKIE, FOUND["wacht"], "another issuer"),
        (COOKIE, FOUND["memghost"], "accounts"),
        (COOKIE, Rejected(Reason.EXPIRED), "accounts"),
        (COOKIE, None, ""),
        (None, None, ""),
    ],
)
def test_nothing_else_is(credential: Credential | None, answer: Found | Rejected | None, authority: str) -> None:
    assert RENEWAL.fields(decision(credential, answer, authority)) == ()
