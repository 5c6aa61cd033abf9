import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import MalformedError
from gateway.model.host import Host, parse_host


@pytest.mark.parametrize(
    ("value", "scheme", "host"),
    [
        (b"api.example.com", "http", Host("api.example.com", 80)),
        (b"API.Example.COM.", "https", Host("api.example.com", 443)),
        (b"api.example.com:80", "http", Host("api.example.com", 80)),
        (b"api.example.com:8443", "https", Host("api.example.com", 8443)),
        (b"my_service:8000", "http", Host("my_service", 8000)),
        (b"127.0.0.1:1", "http", Host("127.0.0.1", 1)),
        (b"[::1]:8080", "http", Host("[::1]", 8080)),
    ],
)
def test_one_host_has_one_meaning(value: bytes, scheme: str, host: Host) -> None:
    assert parse_host([value], scheme) == host


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b"a", b"a"],
        [b""],
        [b"a@b"],
        [b"a, for=evil"],
        [b"www.example.com:x"],
        [b"a:"],
        [b"a:0"],
        [b"a:65536"],
        [b"a:999999"],
        [b"a b"],
        [b"a/b"],
        [b"a..b"],
        [b".a"],
        [b"a\x00"],
        [b"caf\xc3\xa9"],
        [b"[::1"],
        [b"a" * 300],
    ],
)
def test_anything_else_is_refused_with_400(values: list[bytes]) -> None:
    with pytest.raises(MalformedError) as refused:
        parse_host(values, "http")
    assert refused.value.refusal.status == 400


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    try:
        host = parse_host([value], "https")
    except MalformedError:
        return
    assert parse_host([f"{host.name}:{host.port}".encode()], "http") == host
