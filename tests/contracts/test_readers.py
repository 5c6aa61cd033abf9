"""What every kind of credential reader owes to its route, whatever it reads."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote_from_bytes

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.kinds import CREDENTIALS
from gateway.credentials.reader import UNREADABLE, Reader
from gateway.model.credential import Ambiguous, Credential
from gateway.model.decision import AccessRequest
from tests.support.builders.credentials import (
    api_key_reader,
    basic_reader,
    bearer_reader,
    cookie_reader,
    header_jwt_reader,
    pair_reader,
    query_reader,
    reader,
    shown_in_basic,
    websocket_protocol_reader,
)
from tests.support.builders.requests import access_request

QUERY = b":query"
"""Stands for a part of the query among the fields that show a credential."""

Pairs = tuple[tuple[bytes, bytes], ...]


class Kind(msgspec.Struct, frozen=True):
    """A reader, how a client shows its credential with a given secret, and which of those fields hold the secret."""

    reader: Reader
    show: Callable[[bytes], Pairs]


KINDS = {
    "api_key": Kind(api_key_reader(), lambda secret: ((b"X-Api-Key", secret),)),
    "api_key behind a scheme": Kind(
        reader("sdk", kind="api_key", scheme="ApiKey", type="project"),
        lambda secret: ((b"Authorization", b"ApiKey " + secret),),
    ),
    "basic": Kind(basic_reader(), lambda secret: (shown_in_basic(secret),)),
    "bearer": Kind(bearer_reader(), lambda secret: ((b"Authorization", b"Bearer " + secret),)),
    "cookie": Kind(cookie_reader(), lambda secret: ((b"Cookie", b"theme=dark; __session=" + secret + b"; a=b"),)),
    "header_jwt": Kind(header_jwt_reader(), lambda secret: ((b"Cf-Access-Jwt-Assertion", secret),)),
    "query": Kind(query_reader(), lambda secret: ((QUERY, b"access_token=" + quote_from_bytes(secret).encode()),)),
    "websocket_protocol": Kind(
        websocket_protocol_reader(), lambda secret: ((b"Sec-WebSocket-Protocol", b"bearer." + secret),)
    ),
    "token_pair": Kind(pair_reader(), lambda secret: ((b"X-User-Id", b"u1"), (b"X-Auth-Token", secret))),
}
SECRET = "abc.DEF-123_~+/="


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def read(kind: Kind, headers: Pairs) -> object:
    return kind.reader.read(showing(headers))


def showing(headers: Pairs) -> AccessRequest:
    query = b"&".join(value for name, value in headers if name.lower() == QUERY).decode()
    fields = tuple(field for field in headers if field[0].lower() != QUERY)
    return access_request(target=f"/?{query}" if query else "/", headers=fields)


def secret_of(reading: object) -> str:
    assert isinstance(reading, Credential)
    return reading.parts[-1]


def test_every_kind_of_the_table_is_here() -> None:
    assert set(CREDENTIALS.own) <= set(KINDS)


def test_reads_what_was_shown(kind: Kind) -> None:
    reading = read(kind, kind.show(SECRET.encode()))
    assert secret_of(reading) == SECRET
    assert isinstance(reading, Credential)
    assert (reading.reader, reading.kind) == (kind.reader.name, kind.reader.kind)
    assert reading.fingerprint == repr(reading.parts).encode()


def test_field_names_are_read_in_any_case(kind: Kind) -> None:
    fields = tuple((name.swapcase(), value) for name, value in kind.show(SECRET.encode()))
    assert secret_of(read(kind, fields)) == SECRET


def test_white_space_after_a_value_is_not_part_of_it(kind: Kind) -> None:
    assert secret_of(read(kind, kind.show(SECRET.encode() + b" \t"))) == SECRET


def test_a_request_without_it_shows_nothing(kind: Kind) -> None:
    assert read(kind, ((b"Accept", b"*/*"),)) is None


def test_every_field_that_is_read_is_one_that_will_be_removed(kind: Kind) -> None:
    bare = kind.reader.without(showing(kind.show(b"s3cr3t")))
    for name, value in kind.show(b"s3cr3t"):
        removed_as_cookie = name == b"Cookie" and b"__session" in kind.reader.cookies
        cut_out = (name, value) not in bare.headers.raw and value.decode() not in str(bare.target)
        assert name.lower() in kind.reader.headers or removed_as_cookie or cut_out


def test_the_same_credential_twice_is_ambiguous(kind: Kind) -> None:
    fields = kind.show(SECRET.encode())
    assert read(kind, fields + fields) == Ambiguous(kind.reader.name)


@pytest.mark.parametrize("other", [b"", b"other", b"\xff"])
def test_a_good_one_and_another_are_ambiguous_in_either_order(kind: Kind, other: bytes) -> None:
    good, bad = kind.show(SECRET.encode()), kind.show(other)
    assert read(kind, good + bad) == Ambiguous(kind.reader.name)
    assert read(kind, bad + good) == Ambiguous(kind.reader.name)


@pytest.mark.parametrize("garbage", [b"\x00", b"a\x01b", b"abc\x7f", b"adm\xffin", "schlüssel".encode(), b"\x0bx"])
def test_unreadable_bytes_were_shown_and_are_nobodys(kind: Kind, garbage: bytes) -> None:
    assert secret_of(read(kind, kind.show(garbage))) == UNREADABLE


def test_64_kilobytes_are_read_like_any_other(kind: Kind) -> None:
    assert secret_of(read(kind, kind.show(b"a" * 65536))) == "a" * 65536


def test_what_is_read_never_shows_its_secret(kind: Kind) -> None:
    reading = read(kind, kind.show(b"hunter2"))
    assert "hunter2" not in f"{reading!r} {reading}"


def test_only_cookies_can_be_cleared(kind: Kind) -> None:
    cleared = kind.reader.clearing()
    assert [name for name, _ in cleared] == [b"Set-Cookie"] * len(kind.reader.cookies)


FIELD_NAMES = st.sampled_from(
    [b"Authorization", b"Cookie", b"X-Api-Key", b"X-User-Id", b"X-Auth-Token", b"x_api_key", b"Accept"]
)
FIELD_VALUES = st.binary(max_size=40) | st.lists(
    st.sampled_from([b"Bearer", b" ", b"__session", b"=", b";", b'"', b"abc", b"\t", b",", b"\xff", b"bearer"]),
    max_size=12,
).map(b"".join)


@given(headers=st.lists(st.tuples(FIELD_NAMES, FIELD_VALUES), max_size=6))
def test_no_header_ever_raises_and_what_is_read_was_written(headers: list[tuple[bytes, bytes]]) -> None:
    access = access_request(headers=tuple(headers))
    for kind in KINDS.values():
        reading = kind.reader.read(access)
        if isinstance(reading, Credential):
            assert_was_written(access, reading)


def assert_was_written(access: AccessRequest, credential: Credential) -> None:
    """Assert that a credential is what a plain request with these parts shows, or unreadable."""
    written = b"\n".join(value for _, value in access.headers.raw)
    if credential.ambient:
        return  # the value is base64, of which tests/unit/credentials/test_basic.py has the examples
    for part in credential.parts:
        assert part
        assert part == UNREADABLE or part.encode("ascii") in written
