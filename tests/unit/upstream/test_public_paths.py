from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.decision import AccessRequest
from gateway.model.headers import Headers
from gateway.model.host import parse_authority
from gateway.model.route import Match, Route, UpstreamAddress
from gateway.model.target import parse_target
from gateway.upstream.public_paths import PublicPaths


def paths(
    *,
    base: str = "",
    strip: str = "",
    prefix: str = "",
    path: str = "/orders/a/b",
    host: str = "api.test",
    preserve_host: bool = True,
) -> PublicPaths:
    upstream, other = UpstreamAddress("http", "up", 8000, base), UpstreamAddress("https", "other", 443, "/base")
    route = Route(
        name="r", match=Match("/"), upstream=(upstream, other), strip_prefix=strip, preserve_host=preserve_host
    )
    headers = Headers([(b"Host", host.encode())])
    access = AccessRequest(
        "GET", "https", parse_authority(host, "https"), parse_target(path), headers, "::1", "::1", 0.0, "id", "", prefix
    )
    return PublicPaths(route, upstream, access)


def place(of: PublicPaths, location: bytes) -> bytes:
    [line] = of.put_right([b"Location: " + location])
    return line.removeprefix(b"Location: ")


UNTOUCHED = (
    *(b"", b"?q=1", b"#f", b"x", b"x/y?z", b"./x", b"../x", b"mailto:a@b", b"javascript:alert(1)", b"urn:/x"),
    *(b"http://evil.test/x", b"//evil.test/x", b"https://api.test/x", b"http://api.test:81/x", b"ftp://up:8000/x"),
    *(b"http://u@up:8000/x", b"http://up:8000@evil.test/x", b"http://up:8000.evil.test/x", b"http://up/x", b"http:/x"),
    *(b"http:x", b"http:\\\\up:8000\\x", b"/\\evil.test", b"\\\\evil.test", b"/a b", b"/a\tb", b"/\x01", b"http://"),
    *(b"http://up:8000\\@evil.test/", b"http://up:08000/x", b"http://%75p:8000/x"),
)


@pytest.mark.parametrize("location", UNTOUCHED)
def test_what_is_another_s_or_has_two_readings_stays_as_it_came(location: bytes) -> None:
    assert place(paths(strip="/orders"), location) == location


@pytest.mark.parametrize(
    ("location", "public"),
    [
        (b"/", b"/orders/"),
        (b"/x?y=/z#/f", b"/orders/x?y=/z#/f"),
        (b" \t/x\t ", b"/orders/x"),
        (b"/orders/x", b"/orders/orders/x"),
        (b"/\xc3\xa9", b"/orders/\xc3\xa9"),
        (b"http://up:8000/x?y#z", b"/orders/x?y#z"),
        (b"HTTP://UP:8000", b"/orders/"),
        (b"http://up:8000?y", b"/orders/?y"),
        (b"//up:8000/x", b"/orders/x"),
        (b"http://API.test/x", b"/orders/x"),
        (b"http://api.test:80/x", b"/orders/x"),
        (b"https://other/base/x", b"/orders/x"),
        (b"https://other:443/base", b"/orders"),
        (b"https://other/x", b"https://other/x"),
        (b"/../x", b"/orders/x"),
        (b"/a/%2E%2e/x", b"/orders/x"),
        (b"/a/.", b"/orders/a/"),
        (b"/a/..", b"/orders/"),
        (b"../../x", b"/orders/x"),
        (b"../../../../x", b"/orders/x"),
        (b"///evil.test", b"/orders///evil.test"),
        (b"http://up:8000//evil.test", b"/orders//evil.test"),
    ],
)
def test_a_place_beneath_a_prefix_is_told_with_it(location: bytes, public: bytes) -> None:
    assert place(paths(strip="/orders"), location) == public


@pytest.mark.parametrize(
    ("location", "public"),
    [
        (b"/app/x", b"/x"),
        (b"/app", b"/"),
        (b"/app/", b"/"),
        (b"/application", b"/application"),
        (b"/x", b"/x"),
        (b"/app/../x", b"/app/../x"),
        (b"http://up:8000/app/x", b"/x"),
        (b"http://up:8000/x", b"http://up:8000/x"),
        (b"/app//evil.test/x", b"/app//evil.test/x"),
        (b"/app/.//evil.test/x", b"/app/.//evil.test/x"),
        (b"http://up:8000/app//evil.test", b"http://up:8000/app//evil.test"),
        (b"/app/a/..//evil.test", b"/app/a/..//evil.test"),
        (b"../../../../app/x", b"/x"),
    ],
)
def test_a_base_path_is_taken_off_and_never_leaves_two_slashes(location: bytes, public: bytes) -> None:
    assert place(paths(base="/app"), location) == public


def test_a_reference_is_relative_to_what_the_upstream_was_asked_for() -> None:
    beneath = paths(strip="/orders", path="/orders")  # which is `/` to it, and beside the prefix to its caller
    for location, public in ((b"x", b"/orders/x"), (b".", b"/orders/"), (b"../x?y", b"/orders/x?y"), (b"?y", b"?y")):
        assert place(beneath, location) == public


def test_what_a_trusted_proxy_took_off_comes_first() -> None:
    assert place(paths(strip="/orders", prefix="/out"), b"/x") == b"/out/orders/x"
    assert place(paths(prefix="/out"), b"http://up:8000/x") == b"/out/x"
    assert place(paths(prefix="/out", base="/app"), b"/app") == b"/out"


def test_without_its_callers_host_an_upstream_goes_by_its_own() -> None:
    own = paths(strip="/orders", preserve_host=False)
    assert place(own, b"http://api.test/x") == b"http://api.test/x"
    assert place(own, b"http://up:8000/x") == b"/orders/x"


@pytest.mark.parametrize(
    ("cookie", "public"),
    [
        (b"s=1; Path=/; HttpOnly", b"s=1; Path=/orders; HttpOnly"),
        (b"s=1;path=/a/;Secure", b"s=1;path=/orders/a/;Secure"),
        (b"s=1; PATH = /a ; Path=/b", b"s=1; PATH =/orders/a; Path=/orders/b"),
        (b"s=1", b"s=1"),
        (b"s=1; Path", b"s=1; Path"),
        (b"s=1; Path=", b"s=1; Path="),
        (b"s=1; Path=a", b"s=1; Path=a"),
        (b"s=1; Path2=/", b"s=1; Path2=/"),
        (b"Path=/", b"Path=/"),
        (b"s=Path=/; Domain=/", b"s=Path=/; Domain=/"),
        (b"__Host-s=1; Path=/; Secure", b"__Host-s=1; Path=/; Secure"),
        (b"__HOST-s=1; Path=/; Secure", b"__HOST-s=1; Path=/; Secure"),
        (b"__Secure-s=1; Path=/; Secure", b"__Secure-s=1; Path=/orders; Secure"),
    ],
)
def test_a_cookies_path_is_the_callers(cookie: bytes, public: bytes) -> None:
    assert paths(strip="/orders").put_right([b"set-cookie: " + cookie]) == [b"set-cookie: " + public]


@pytest.mark.parametrize(
    ("path", "public"),
    [(b"/", b"/out"), (b"/app", b"/out"), (b"/app/", b"/out"), (b"/app/x", b"/out/x"), (b"/other", b"/other")],
)
def test_a_cookie_of_all_of_an_upstream_is_of_all_that_its_callers_see(path: bytes, public: bytes) -> None:
    of = paths(base="/app", prefix="/out")
    assert of.put_right([b"Set-Cookie: s=1; Path=" + path]) == [b"Set-Cookie: s=1; Path=" + public]


def test_every_other_field_stays_byte_for_byte() -> None:
    lines = [b"Link: </x>", b"Refresh: 0; url=/x", b"X-Location: /x", b"Locations:/x", b"Set-Cookie2: a; Path=/"]
    assert paths(strip="/orders").put_right(lines) == lines
    assert paths(strip="/orders").put_right([b"content-location: /x", b"LOCATION:/y"]) == [
        b"content-location: /orders/x",
        b"LOCATION: /orders/y",
    ]


PIECES = st.sampled_from(
    [
        *(
            b"/",
            b"//",
            b".",
            b"..",
            b"%2e",
            b"/app",
            b"app",
            b"\\",
            b"\t",
            b" ",
            b"?",
            b"#",
            b":",
            b"@",
            b";",
            b"x",
            b"\xff",
        ),
        *(b"http:", b"https://", b"up:8000", b"up", b"api.test", b"evil.test", b"%2f", b"%5c"),
    ]
)


@given(st.lists(PIECES, max_size=8).map(b"".join), st.sampled_from(["", "/app"]), st.sampled_from(["", "/orders"]))
def test_whatever_is_put_right_is_a_path_beneath_the_prefix(location: bytes, base: str, strip: str) -> None:
    public = place(paths(base=base, strip=strip), location)
    if public == location:
        return
    assert public.startswith(strip.encode() + b"/") or public == strip.encode() or public[len(strip) :][:1] in b"?#"
    assert not public.startswith((b"//", b"/\\"))
    assert not re.search(
        rb"[\x00-\x20\x7f\\]|(?:\A|/)(?:\.|%2e){1,2}(?:[/?#]|\Z)", public.partition(b"?")[0].partition(b"#")[0]
    )


@given(st.lists(PIECES | st.sampled_from([b"; Path=", b"__Host-", b"Path"]), max_size=8).map(b"".join))
def test_a_cookie_that_is_put_right_has_the_same_attributes(cookie: bytes) -> None:
    [line] = paths(strip="/orders", base="/app").put_right([b"Set-Cookie: " + cookie])
    was, now = (b" " + cookie).split(b";"), line.removeprefix(b"Set-Cookie:").split(b";")
    assert [each.partition(b"=")[0] for each in was] == [each.partition(b"=")[0] for each in now]
    assert now[0] == was[0]
