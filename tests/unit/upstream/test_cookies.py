from __future__ import annotations

import contextlib
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.upstream.cookies import OwnCookies

OWN = OwnCookies({b"s", b"the_sid"})


def test_cookies_are_cut_out_by_their_whole_name() -> None:
    assert OWN.cut(b"a=1;s=2 ;ss=3", keep_own=False) == b"a=1;ss=3"
    assert OWN.cut(b"s", keep_own=False) is None


@pytest.mark.parametrize(
    "value",
    [b"a=s; b=xs=1; c=1", b'a={"s":1}', b"a=%2Cs%3D1; b=?s=1&s=2", b"thesid=1; the-sid=2; the_sid2=3", b"", b";"],
)
def test_what_only_holds_the_name_is_kept_byte_for_byte(value: bytes) -> None:
    assert OWN.cut(value, keep_own=False) == value


def test_where_ours_are_kept_what_passes_for_one_is_not() -> None:
    assert OWN.cut(b"s=1; S=2;the_sid=3;\xa0s=4; the.sid=5; a=6", keep_own=True) == b"s=1;the_sid=3; a=6"


def test_without_names_nothing_is_cut() -> None:
    assert not OwnCookies(())
    assert OwnCookies(()).cut(b"s=1", keep_own=False) == b"s=1"


@pytest.mark.parametrize(
    "others",
    [
        b'q="__session"',
        b'q="__session=x"',
        b"q=%22__session=x%22",
        b"q=__session",
        b"q=a,__session",
        b"q=a __session; r=__session ",
        b'q="the sid"; r=the.sid',
        b"next=/login?__session=1&the.sid=2",
        b"my__session=1; __session2=2",
    ],
)
def test_a_cookie_of_somebody_elses_travels_untouched_whatever_ours_looks_like(others: bytes) -> None:
    cookies = OwnCookies({b"__session", b"the.sid"})
    assert cookies.cut(others, keep_own=False) == others
    assert cookies.cut(others, keep_own=True) == others
    assert cookies.cut(b"__session=t; " + others, keep_own=False) == others.strip()
    assert cookies.cut(others + b"; __session=t;the.sid=u", keep_own=False) == others.strip()


@pytest.mark.parametrize(
    "disguised",
    [
        b"q=1,__session=x",
        b"q=1 __session=x",
        b'"__session"=x',
        b"%22__session%22=x",
        b'q="1"__session=x',
        b"__SESSION=x",
        b"__session[a]=x",
        b"q=1\t__session\xa0=x",
    ],
)
def test_what_some_server_takes_for_ours_never_does(disguised: bytes) -> None:
    assert OwnCookies({b"__session"}).cut(b"a=1; " + disguised, keep_own=False) == b"a=1"


TEXT = st.text('sS ,;="%207a.\t\x85\xa0\u2003\ufeff+[]', max_size=24)


def lenient_names(field: str) -> set[str]:
    """Return the names that a server finds which splits at commas too, decodes and trims, as strictly as none does.

    Those without a value are nobody's session.
    """
    pairs = [pair for pair in field.replace(",", ";").split(";") if "=" in pair]
    found = {
        name.lstrip("+").strip(' "+\ufeff').strip() for pair in pairs for name in [unquote(pair.partition("=")[0])]
    }
    with_values = SimpleCookie()
    with contextlib.suppress(CookieError):
        with_values.load(field)
    return {name.lower().partition("[")[0] for name in (*found, *with_values)}


@given(TEXT)
@example("a=1 s=2")
@example("a=1,%20s=2")
@example("a=1;%a0s=2")
def test_no_server_finds_ours_in_what_is_left(text: str) -> None:
    left = OwnCookies({b"s"}).cut(text.encode(), keep_own=False)
    assert left is None or "s" not in lenient_names(left.decode())


@pytest.mark.parametrize("junk", [b" ", b"s", b"s ", b",s", b"%20", b"s[", b"+", b"%73", b"\xa0", b'"'])
def test_a_field_that_is_hard_to_read_is_read_in_little_time(junk: bytes) -> None:
    value = junk * (32_768 // len(junk))
    for around in (value, b"s" + value, value + b"s", value + b"=", b"a=" + value + b"s"):
        assert OWN.cut(around, keep_own=True) in {around, around.strip(), None}
