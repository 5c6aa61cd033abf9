"""Decoding a token strictly, before anything of it is believed."""

from __future__ import annotations

import pytest
from jwt import PyJWK

from gateway.authorities.parsed_token import parse_token
from tests.support.servers.issuer import EC_KEY, OTHER_EC_KEY, RSA_KEY, forge, jwk, sign

GOOD = sign({"sub": "u1"})


def test_a_token_is_taken_apart_and_verified_by_the_key_s_own_algorithm() -> None:
    parsed = parse_token(GOOD, 16384)
    assert parsed is not None
    assert (parsed.header["kid"], parsed.claims) == ("k1", {"sub": "u1"})
    for key, algorithm, expected in (
        (EC_KEY, "ES256", True),
        (OTHER_EC_KEY, "ES256", False),
        (RSA_KEY, "RS256", False),
    ):
        assert parsed.is_signed_by(PyJWK(jwk(key, None), algorithm)) is expected


@pytest.mark.parametrize(
    "token",
    [
        *("", "a", "a.b", "a.b.c", "..", "." * 5000),
        *(GOOD + "=", GOOD + ".x", GOOD.replace(".", "..", 1), "ü" + GOOD, GOOD + "x" * 16384),
        forge({"alg": "ES256"}, [1]),  # type: ignore[arg-type]
        forge([1], {}),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_token_is_none(token: str) -> None:
    assert parse_token(token, 16384) is None


def test_a_token_has_a_longest() -> None:
    assert parse_token(GOOD, len(GOOD)) is not None
    assert parse_token(GOOD, len(GOOD) - 1) is None
