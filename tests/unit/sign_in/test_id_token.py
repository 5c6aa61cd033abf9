from typing import Any

import pytest

from gateway.sign_in.id_token import ExpectedToken, TokenClaimFault, half_hash, id_token_fault

EXPECTED = ExpectedToken("https://id.example.com", "gw", 1000.0, frozenset({"project"}))
CLAIMS = {"iss": "https://id.example.com", "aud": "gw", "sub": "u1", "iat": 990, "exp": 1300, "nonce": "n"}


def fault(**more: Any) -> TokenClaimFault | None:
    return id_token_fault({**CLAIMS, **more}, EXPECTED, nonce="n", access_token="a", algorithm="ES256")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"aud": ["gw"]}, None),
        ({"aud": ["gw", "project"], "azp": "gw"}, None),
        ({"aud": ["gw", "project"]}, TokenClaimFault.PARTY),
        ({"aud": ["project"], "azp": "gw"}, TokenClaimFault.AUDIENCE),
        ({"aud": []}, TokenClaimFault.AUDIENCE),
        ({"aud": ["gw", {}]}, TokenClaimFault.AUDIENCE),
        ({"exp": 1000}, TokenClaimFault.EXPIRED),
        ({"exp": True}, TokenClaimFault.EXPIRED),
        ({"exp": float("nan")}, TokenClaimFault.EXPIRED),
        ({"iat": 1059}, None),
        ({"iat": 1061}, TokenClaimFault.ISSUED),
        ({"iat": 399}, TokenClaimFault.ISSUED),
        ({"sub": "u" * 256}, TokenClaimFault.SUBJECT),
        ({"sub": "u\n"}, TokenClaimFault.SUBJECT),
        ({"sub": 7}, TokenClaimFault.SUBJECT),
        ({"at_hash": half_hash("a", "ES256")}, None),
        ({"at_hash": half_hash("b", "ES256")}, TokenClaimFault.ACCESS_TOKEN),
        ({"at_hash": 1}, TokenClaimFault.ACCESS_TOKEN),
    ],
)
def test_claims_are_judged_as_the_standard_says(more: dict[str, Any], expected: TokenClaimFault | None) -> None:
    assert fault(**more) is expected


def test_a_half_hash_is_that_of_the_standards_example() -> None:
    """OpenID Connect Core appendix A.3."""
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
