from __future__ import annotations

import pytest

from gateway.http1.shared_caches import carries_credential, private_lines, without_credentials

COOKIE = (b"Set-Cookie", b"__session=t")
CORS = (b"Access-Control-Allow-Origin", b"https://a.test")


@pytest.mark.parametrize("name", [b"Set-Cookie", b"set-cookie", b"X-Development-Session"])
def test_a_credential_is_known_by_its_field(name: bytes) -> None:
    assert carries_credential((CORS, (name, b"t")))
    assert without_credentials((CORS, (name, b"t"))) == (CORS,)


def test_other_fields_are_none() -> None:
    assert not carries_credential((CORS, (b"RateLimit", b"1")))
    assert not carries_credential(())


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ((), b"private"),
        ((b"public",), b"private"),
        ((b"public, max-age=60, s-maxage=3600",), b"private, max-age=60"),
        ((b"PUBLIC,Max-Age=60",), b"private, max-age=60"),
        ((b"public", b"max-age=60, must-revalidate"), b"private, max-age=60, must-revalidate"),
        ((b"no-store",), b"private, no-store"),
        ((b"private",), b"private"),
        ((b"no-cache, proxy-revalidate, must-understand, stale-while-revalidate=9",), b"private, no-cache"),
        ((b'private="set-cookie", max-age=60',), b"private, no-store"),
        ((b'public="a, private, b"',), b"private, no-store"),
        ((b",,public ;x,",), b"private"),
    ],
)
def test_an_answer_is_its_callers_alone(said: tuple[bytes, ...], sent: bytes) -> None:
    lines = [b"Content-Type: a/b", *(b"Cache-Control: " + value for value in said)]
    assert private_lines(lines) == [b"Content-Type: a/b", b"Cache-Control: " + sent]


@pytest.mark.parametrize(
    "name",
    [
        b"Expires",
        b"Pragma",
        b"Surrogate-Control",
        b"CDN-Cache-Control",
        b"Cloudflare-CDN-Cache-Control",
        b"X-LiteSpeed-Cache-Control",
        b"X-Accel-Expires",
        b"Edge-Control",
    ],
)
def test_what_speaks_to_some_caches_alone_is_left_out(name: bytes) -> None:
    lines = [name + b": public, max-age=60", name.upper() + b": 60", b"ETag: 1"]
    assert private_lines(lines) == [b"ETag: 1", b"Cache-Control: private"]
