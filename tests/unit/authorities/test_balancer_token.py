from __future__ import annotations

import pytest

from gateway.authorities.balancer_token import parse_balancer_token
from tests.support.servers.issuer import balancer_token, sign

HEADER = {"signer": "arn:aws:lb/one", "iss": "https://id.example.com", "client": "c1", "exp": 1_700_000_300}
TOKEN = balancer_token({"sub": "u1", "email": "u1@example.com"}, **HEADER)


def test_what_the_header_says_of_the_token_are_claims() -> None:
    parsed = parse_balancer_token(TOKEN, 4096)
    assert parsed is not None
    assert parsed.header["signer"] == "arn:aws:lb/one"
    assert parsed.claims == {
        "sub": "u1",
        "email": "u1@example.com",
        "iss": "https://id.example.com",
        "aud": "c1",
        "exp": 1_700_000_300,
    }


def test_no_claim_of_a_person_stands_for_what_the_header_does_not_say() -> None:
    parsed = parse_balancer_token(balancer_token({"sub": "u1", "iss": "i", "aud": "c1", "exp": 9e9}), 4096)
    assert parsed is not None
    assert (parsed.claims["iss"], parsed.claims["aud"], parsed.claims["exp"]) == (None, None, None)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "....",
        TOKEN + "=",
        TOKEN.replace("=", ""),
        TOKEN.replace(".", "..", 1),
        "!" + TOKEN,
        TOKEN.replace("e", "\u00e9", 1),
        "bnVsbA==.bnVsbA==.c2ln",
        "e30=.W10=.c2ln",
        sign({"sub": "u1"}),
    ],
)
def test_what_is_no_such_token_or_is_spelled_otherwise_is_none(token: str) -> None:
    assert parse_balancer_token(token, 4096) is None


def test_a_long_one_is_not_looked_at() -> None:
    assert parse_balancer_token(TOKEN, len(TOKEN) - 1) is None
