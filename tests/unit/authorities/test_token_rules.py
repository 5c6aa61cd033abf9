"""Why a token is refused, told apart for the log."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.authorities.token_rules import TokenRules, instant, plain_type
from gateway.model.answers import Reason

NOW = 1_700_000_000
RULES = TokenRules("https://id.example.com", ("orders",), {"ES256", "RS256"}, ("JWT", "at+jwt"), 10.0)
GOOD = {"aud": "orders", "exp": NOW + 60, "iat": NOW - 1}


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ({"alg": "ES256"}, ""),
        ({"alg": "ES256", "typ": "application/AT+JWT", "jku": "https://evil.example", "kid": "k"}, ""),
        ({"alg": "ES256", "typ": "logout+jwt"}, "typ is 'logout+jwt', not 'JWT' or 'at+jwt'"),
        ({"alg": "ES256", "typ": 7}, "typ is 7, not 'JWT' or 'at+jwt'"),
        ({"alg": "ES256", "b64": False, "crit": ["b64"]}, "its header has b64 and crit, which would change"),
        ({"alg": "none"}, "alg is 'none', not 'ES256' or 'RS256'"),
        ({}, "alg is none, not 'ES256' or 'RS256'"),
    ],
)
def test_a_header_s_fault(header: dict[str, Any], fault: str) -> None:
    found = RULES.header_fault(header)
    assert found.startswith(fault)
    assert bool(found) is bool(fault)


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"aud": "billing"}, "aud is 'billing', not 'orders'"),
        ({"aud": ["billing", "x"]}, "aud is a list of 2, not 'orders'"),
        ({"aud": None}, "aud is none, not 'orders'"),
        ({"nbf": NOW + 11}, f"nbf is {NOW + 11}, ahead of {NOW} by more than the leeway"),
        ({"iat": NOW + 11}, f"iat is {NOW + 11}, ahead of {NOW} by more than the leeway"),
        ({"exp": "soon"}, "exp is 'soon', not a time"),
        ({"exp": None}, "exp is none, not a time"),
        ({"iat": "x"}, "iat is 'x', not a time"),
        ({"nbf": -1}, "nbf is -1, not a time"),
        ({"exp": NOW}, f"exp is {NOW}, and it is {NOW}"),
    ],
)
def test_a_claim_s_fault(claims: dict[str, Any], fault: str) -> None:
    rejected = RULES.rejected_at(GOOD | claims, NOW)
    assert rejected is not None
    assert rejected.detail == fault
    assert rejected.reason is (Reason.EXPIRED if claims == {"exp": NOW} else Reason.UNKNOWN)


@pytest.mark.parametrize("claims", [{}, {"aud": ["x", "orders"]}, {"nbf": NOW + 10}, {"iat": NOW + 10}])
def test_a_token_that_says_what_it_must(claims: dict[str, Any]) -> None:
    assert RULES.rejected_at(GOOD | claims, NOW) is None


def test_an_issuer_with_a_slash_too_many_is_told_as_such() -> None:
    assert RULES.foreign_because({"iss": "https://id.example.com/"}) == (
        "iss is 'https://id.example.com/', not 'https://id.example.com'"
    )


def test_what_a_stranger_writes_into_a_token_stays_short_and_harmless() -> None:
    fault = RULES.header_fault({"alg": "\n\x1b[31m" + "x" * 10_000})
    assert fault.isprintable()
    assert len(fault) < 200


def test_types_have_one_spelling_and_instants_fit() -> None:
    assert plain_type("application/at+JWT") == "at+jwt"
    assert [instant(value) for value in (0, 1.5, -1, 1e300, True, "1", None)] == [0, 1.5, None, None, None, None, None]
