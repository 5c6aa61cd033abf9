from __future__ import annotations

import pytest

from gateway.model.errors import MalformedError
from gateway.wiring.explanation import masked, read_request


@pytest.mark.parametrize(
    ("url", "scheme", "host", "target"),
    [
        ("https://API.example.com/a?b=c", "https", "api.example.com", "/a?b=c"),
        ("http://example.com", "http", "example.com", "/"),
        ("http://example.com?b=c", "http", "example.com", "/?b=c"),
        ("HTTPS://example.com:8443/a", "https", "example.com", "/a"),
        ("/a", "http", "localhost", "/a"),
        ("/a?to=https://b/", "http", "localhost", "/a?to=https://b/"),
        ("a", "http", "localhost", "/a"),
    ],
)
def test_a_url_stands_for_a_request(url: str, scheme: str, host: str, target: str) -> None:
    access = read_request("get", url, ())
    assert (access.method, access.scheme, access.host.name, str(access.target)) == ("GET", scheme, host, target)


def test_a_host_header_wins_over_the_url() -> None:
    assert read_request("GET", "https://a/", ((b"host", b"b.example.com"),)).host.name == "b.example.com"


@pytest.mark.parametrize("url", ["https://a b/", "http://u@h/", "/a#b", "/%zz"])
def test_a_url_that_no_request_can_have_is_refused(url: str) -> None:
    with pytest.raises(MalformedError):
        read_request("GET", url, ())


def test_of_a_secret_only_its_beginning_is_shown() -> None:
    assert masked("sk_live_abc") == "sk_l…(11 characters)"
