import pytest

from gateway.endpoints.forwarded_headers import forwarded_headers
from tests.support.builders.requests import access_request

FORWARDED = (
    (b"X-Forwarded-For", b"6.6.6.6, 203.0.113.9"),
    (b"X-Forwarded-Port", b"8443"),
    (b"X-Real-IP", b"203.0.113.9"),
    (b"Forwarded", b"for=203.0.113.9;host=gateway.test"),
)


def test_of_a_stranger_the_socket_alone_is_told() -> None:
    assert forwarded_headers(access_request(headers=FORWARDED, client="127.0.0.1"), believed=False) == (
        (b"X-Forwarded-For", b"127.0.0.1"),
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Host", b"gateway.test"),
    )


def test_what_a_trusted_proxy_says_goes_on_with_its_own_address_behind_the_chain() -> None:
    assert forwarded_headers(access_request(headers=FORWARDED, client="127.0.0.1"), believed=True) == (
        (b"X-Forwarded-For", b"6.6.6.6, 203.0.113.9, 127.0.0.1"),
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Host", b"gateway.test"),
        *FORWARDED[1:],
    )


@pytest.mark.parametrize(
    "field",
    [
        (b"X-Forwarded-Port", b"0"),
        (b"X-Real-IP", b"fe80::1%eth0"),
        (b"X-Real-IP", b"1.2.3.4:99999"),
        (b"Forwarded", b"for=_a;HOST = other.example"),
        (b"Forwarded", b'host="gateway.test\\"'),
    ],
)
def test_what_is_no_port_no_address_or_another_host_is_not_told_on(field: tuple[bytes, bytes]) -> None:
    told = dict(forwarded_headers(access_request(headers=(field,)), believed=True))
    assert field[0] not in told
