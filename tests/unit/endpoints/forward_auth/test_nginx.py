import pytest

from gateway.endpoints.forward_auth.nginx import NginxReader
from gateway.endpoints.forward_auth.original import OriginalRequest
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.requests import access_request

READER = NginxReader()


def read(url: bytes) -> OriginalRequest:
    fields = ((b"X-Original-URL", url), (b"X-Original-Method", b"PUT"), (b"X-Forwarded-For", b"192.0.2.1"))
    return READER.read(access_request(headers=fields))


@pytest.mark.parametrize(
    ("url", "original"),
    [
        (b"https://app.test/a/b?c=d", OriginalRequest("PUT", "https", "app.test", "/a/b?c=d", "192.0.2.1")),
        (b"http://app.test:8080/", OriginalRequest("PUT", "http", "app.test:8080", "/", "192.0.2.1")),
        (b"http://[::1]:80//a", OriginalRequest("PUT", "http", "[::1]:80", "//a", "192.0.2.1")),
        (
            b"http://app.test/?next=http://b/",
            OriginalRequest("PUT", "http", "app.test", "/?next=http://b/", "192.0.2.1"),
        ),
        (b"http://app.test?a/b", OriginalRequest("PUT", "http", "app.test?a", "/b", "192.0.2.1")),
    ],
)
def test_an_absolute_url_is_taken_apart_and_nothing_is_read_into_it(url: bytes, original: OriginalRequest) -> None:
    assert read(url) == original


@pytest.mark.parametrize("url", [b"/a", b"http:///a", b"http://app.test", b"app.test/a", b"http:/app.test/a"])
def test_what_is_not_absolute_is_refused(url: bytes) -> None:
    with pytest.raises(MalformedError):
        read(url)


@pytest.mark.parametrize("code", list(RefusalCode))
def test_only_what_nginx_understands_and_our_own_faults_keep_their_status(code: RefusalCode) -> None:
    folded = READER.translate(Refusal(code, "why", None, 3))
    statuses = {401: 401, 403: 403, 500: 500, 503: 503}
    assert folded.status == statuses.get(Refusal(code).status, 403)
    assert folded.detail == "why"
