from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Ambiguous, Credential, Reading, anonymous_cookie
from tests.support.builders.credentials import cookie_reader, reader
from tests.support.builders.requests import access_request


def read(*fields: bytes) -> Reading:
    return cookie_reader().read(access_request(headers=tuple((b"Cookie", field) for field in fields)))


def value(*fields: bytes) -> str:
    reading = read(*fields)
    assert isinstance(reading, Credential)
    return reading.parts[0]


@pytest.mark.parametrize(
    "field",
    [b"__session=abc", b"a=b; __session=abc", b"__session=abc; a=b", b"a=b;__session=abc;", b" __session = abc"],
)
def test_the_cookie_is_found_wherever_it_stands(field: bytes) -> None:
    assert value(field) == "abc"


def test_the_cookie_is_found_in_any_of_several_fields() -> None:
    assert value(b"a=b", b"__session=abc") == "abc"


@pytest.mark.parametrize(
    "field",
    [b"", b"=", b";;", b"a=b", b"x__session=abc", b"__session2=abc", b"__SESSION=abc", b"__session", b"__session=",
     b"__session= ", b"a=__session=abc"],
)  # fmt: skip
def test_other_and_empty_cookies_show_nothing(field: bytes) -> None:
    assert read(field) is None


@pytest.mark.parametrize(
    "fields",
    [
        (b"__session=good; __session=bad",),
        (b"__session=good; __session=good",),
        (b"__session=good", b"__session=bad"),
        (b"__session=; __session=good",),
        (b"__session; __session=good",),
        (b"__session=good; \t__session =bad",),
    ],
)
def test_a_name_that_is_there_twice_is_ambiguous(fields: tuple[bytes, ...]) -> None:
    assert read(*fields) == Ambiguous("cookie")


def test_a_visitor_s_cookie_names_nobody_and_is_no_credential() -> None:
    visitor = anonymous_cookie("7d6c").encode()
    assert read(b"__session=" + visitor) is None
    assert read(b"__session=" + visitor + b"; __session=abc") == Ambiguous("cookie")


def test_quotes_are_part_of_the_value() -> None:
    assert value(b'__session="abc"') == '"abc"'


def test_a_quote_does_not_hide_the_next_cookie() -> None:
    assert read(b'a="b; __session=one; __session=two"') == Ambiguous("cookie")


def test_an_equals_sign_is_part_of_the_value() -> None:
    assert value(b"__session=abc==") == "abc=="


def test_a_broken_neighbour_does_no_harm() -> None:
    assert value(b"\xff\xfe=\x00; __session=abc; =") == "abc"


def test_clearing_makes_a_browser_forget_it() -> None:
    ((name, field),) = cookie_reader().clearing()
    assert name == b"Set-Cookie"
    first, *attributes = field.split(b"; ")
    assert first == b"__session="
    assert set(attributes) == {b"Path=/", b"Max-Age=0", b"HttpOnly", b"Secure", b"SameSite=Lax"}


def test_clearing_everywhere_names_every_scope_that_a_cookie_may_have_there() -> None:
    fields = [value for _, value in cookie_reader().clearing("a.app.test", "/orders/")]
    scopes = {value.removeprefix(b"__session=; ").partition(b"; Max-Age")[0] for value in fields}
    domains = (b"", b"; Domain=a.app.test", b"; Domain=app.test")
    assert scopes == {b"Path=" + path + domain for path in (b"/", b"/orders/", b"/orders") for domain in domains}
    assert len(fields) == len(scopes)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_an_address_and_a_name_without_a_dot_have_no_parent(host: str) -> None:
    ((_, field),) = cookie_reader().clearing(host, "/")
    assert b"Domain" not in field


def test_a_host_cookie_has_one_scope() -> None:
    assert len(cookie_reader("__Host-session").clearing("a.app.test", "/orders/")) == 1


def test_the_first_of_two_counts_where_the_reader_says_so() -> None:
    first = reader("cookie", kind="cookie", name="__session", on_many="first")
    reading = first.read(access_request(headers=((b"Cookie", b"__session=one; a=b; __session=two"),)))
    assert isinstance(reading, Credential)
    assert reading.parts == ("one",)


COOKIE_BYTES = st.lists(
    st.sampled_from([b"__session", b"=", b";", b" ", b'"', b"a", b"\t", b",", b"\\", b"\xff", b"\x00"]), max_size=20
).map(b"".join)


@given(fields=st.lists(COOKIE_BYTES | st.binary(max_size=60), max_size=4))
def test_a_cookie_is_read_only_where_the_plain_form_has_it_once(fields: list[bytes]) -> None:
    pairs = [tuple(part.strip(b" \t") for part in pair.partition(b"=")) for pair in b";".join(fields).split(b";")]
    plain = [value for name, _, value in pairs if name == b"__session"]
    reading = read(*fields)
    if len(plain) > 1:
        assert reading == Ambiguous("cookie")
    elif isinstance(reading, Credential):
        assert reading.parts[0] == UNREADABLE or [reading.parts[0].encode("ascii")] == plain
    else:
        assert plain in ([], [b""])
