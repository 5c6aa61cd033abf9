from __future__ import annotations

import pytest

from gateway.http1.field_names import is_told_by_us, named_by_connection


@pytest.mark.parametrize(
    "name",
    [
        b"x-forwarded-for",
        b"x-forwarded-anything",
        b"forwarded",
        b"x-real-ip",
        b"x-envoy-original-path",
        b"x-http-method-override",
        b"x-sendfile-type",
    ],
)
def test_a_proxys_word_is_known(name: bytes) -> None:
    assert is_told_by_us(name)


@pytest.mark.parametrize("name", [b"x-forward", b"accept", b"via", b"x-requested-with"])
def test_other_fields_are_not_taken_for_it(name: bytes) -> None:
    assert not is_told_by_us(name)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([b"close"], set()),
        ([b"keep-alive, Upgrade"], set()),
        ([b"X-A , x-b", b",x-C"], {b"x-a", b"x-b", b"x-c"}),
        ([b"Content-Length, Host"], set()),
        ([b""], set()),
    ],
)
def test_what_connection_names_never_reaches_the_framing(values: list[bytes], named: set[bytes]) -> None:
    assert named_by_connection(values) == named
