import pytest

from gateway.http1.navigation import begins_navigation, is_navigation
from gateway.model.headers import Headers

CHROME = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("method", "fields", "navigation"),
    [
        ("GET", {b"Sec-Fetch-Mode": b"navigate"}, True),
        ("HEAD", {b"sec-fetch-mode": b"navigate"}, True),
        ("POST", {b"Sec-Fetch-Mode": b"navigate"}, False),
        ("GET", {b"Sec-Fetch-Mode": b"cors", b"Accept": CHROME}, False),
        ("GET", {b"Sec-Fetch-Mode": b"websocket"}, False),
        ("GET", {b"Accept": CHROME}, True),
        ("GET", {b"Accept": b"TEXT/HTML"}, True),
        ("GET", {b"Accept": b"application/json , text/html;level=1"}, True),
        ("GET", {b"Accept": b"application/json, text/html;q=0"}, False),
        ("GET", {b"Accept": b"text/html;level=1;q=0.000, */*"}, False),
        ("GET", {b"Accept": b"text/htmlx"}, False),
        ("GET", {b"Accept": b"x-text/html"}, False),
        ("GET", {b"Accept": b"*/*"}, False),
        ("GET", {b"Accept": b"application/json"}, False),
        ("DELETE", {b"Accept": CHROME}, False),
        ("GET", {}, False),
    ],
)
def test_a_page_is_opened_by_what_browsers_say(method: str, fields: dict[bytes, bytes], navigation: bool) -> None:
    assert is_navigation(method, Headers(fields.items())) is navigation
    lines = b"".join(b"%b: %b\r\n" % field for field in fields.items())
    assert begins_navigation(method.encode() + b" / HTTP/1.1\r\n" + lines + b"\r\n") is navigation


def test_two_modes_have_to_agree() -> None:
    modes = [(b"Sec-Fetch-Mode", b"navigate"), (b"Sec-Fetch-Mode", b"cors")]
    assert not is_navigation("GET", Headers(modes))


def test_a_line_that_is_cut_off_says_nothing() -> None:
    assert not begins_navigation(b"GET / HTTP/1.1\r\nAccept: text/html")
    assert begins_navigation(b"GET / HTTP/1.1\r\nAccept: text/html\r\nCookie: aaaa")
    assert not begins_navigation(b"")
