from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.identity.identity_tokens import TYP, IdentityTokens
from gateway.model.credential import CredentialKind
from gateway.model.session import Member, Organization, Session
from gateway.signing import KeyRing, TokenFault
from tests.support.builders.credentials import credential

ISSUER = "https://gateway.example.com"
SESSION = Session(
    subject="u1",
    id="s1",
    organization=Organization(id="org_1"),
    member=Member(id="m1", role="admin"),
    roles=("user",),
    scopes=("orders:read",),
)


class Issuer:
    """Identity tokens with a clock that a test moves, and the service that checks them."""

    def __init__(self, *, ttl: float = 60.0, tokens: int = 100) -> None:
        self.now = 1_800_000_000.0
        self.ring = KeyRing.generate("ES256")
        self.tokens = IdentityTokens(self.ring, ISSUER, ttl, lambda: self.now, tokens=tokens)

    def token(self, session: Session = SESSION, audience: str = "orders") -> str:
        ((name, value),) = self.tokens.header_for(session, audience, credential())
        assert name == b"X-Identity-Token"
        return value.decode("ascii")

    def verify(self, token: str, audience: str = "orders", typ: str = TYP) -> dict[str, Any] | TokenFault:
        return self.ring.verify(token, typ=typ, issuer=ISSUER, audience=audience, now=self.now)


def test_a_token_says_what_the_headers_say() -> None:
    issuer = Issuer()
    claims = issuer.verify(issuer.token())
    assert isinstance(claims, dict)
    assert claims.pop("jti")
    assert claims == {
        "iss": ISSUER,
        "sub": "u1",
        "aud": "orders",
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
        "sid": "s1",
        "org": "org_1",
        "org_role": "admin",
        "roles": ["user"],
        "scopes": ["orders:read"],
        "auth_method": "cookie",
    }


def test_what_a_session_lacks_is_not_claimed() -> None:
    issuer = Issuer()
    claims = issuer.verify(issuer.token(Session(subject="m1")))
    assert isinstance(claims, dict)
    assert not {"sid", "org"} & set(claims)
    assert claims["roles"] == claims["scopes"] == []


def test_a_token_is_for_one_audience_and_one_purpose() -> None:
    issuer = Issuer()
    assert issuer.verify(issuer.token(), audience="billing") is TokenFault.AUDIENCE
    assert issuer.verify(issuer.token(), typ="at+jwt") is TokenFault.PURPOSE


def test_a_route_without_an_audience_gets_no_token() -> None:
    assert Issuer().tokens.header_for(SESSION, "", credential()) == ()


def test_a_token_is_reused_for_half_of_its_life_and_then_replaced() -> None:
    issuer = Issuer()
    first = issuer.token()
    issuer.now += 29
    assert issuer.token() == first
    issuer.now += 1
    second = issuer.token()
    assert second != first
    assert isinstance(issuer.verify(second), dict)
    assert isinstance(issuer.verify(first), dict)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "u2"},
        {"id": "s2"},
        {"roles": ()},
        {"scopes": ()},
        {"member": None},
        {"organization": None},
        {"expires_at": datetime(2027, 1, 15, 9, 0, 0, tzinfo=UTC)},
    ],
)
def test_a_session_that_changed_gets_a_token_of_its_own(changed: dict[str, object]) -> None:
    issuer = Issuer()
    first = issuer.token()
    assert issuer.token(msgspec.structs.replace(SESSION, **changed)) != first
    assert issuer.token() == first


def test_another_audience_or_kind_of_credential_gets_a_token_of_its_own() -> None:
    issuer = Issuer()
    first = issuer.token()
    assert issuer.token(audience="billing") != first
    ((_, other),) = issuer.tokens.header_for(SESSION, "orders", credential(CredentialKind.BEARER))
    assert other.decode() != first


def test_no_token_outlives_its_session() -> None:
    issuer = Issuer()
    ends = datetime.fromtimestamp(issuer.now + 20, UTC)
    session = msgspec.structs.replace(SESSION, expires_at=ends)
    first = issuer.token(session)
    claims = issuer.verify(first)
    assert isinstance(claims, dict)
    assert claims["exp"] == issuer.now + 20
    issuer.now += 20
    assert issuer.verify(first) is TokenFault.EXPIRED
    assert issuer.verify(issuer.token(session)) is TokenFault.EXPIRED


def test_the_store_is_bounded_and_keeps_who_calls_often() -> None:
    issuer = Issuer(tokens=3)
    first = issuer.token()
    for number in range(20):
        newest = Session(subject=f"u{number}")
        assert issuer.token(newest) == issuer.token(newest)
        assert issuer.token() == first
    assert len(issuer.tokens._signed) == 3


def test_a_clock_that_is_set_back_makes_a_new_token() -> None:
    """The old one would seem to come from the future, and to live longer than it may."""
    issuer = Issuer()
    old = issuer.token()
    issuer.now -= 3600
    new = issuer.token()
    claims = issuer.verify(new)
    assert isinstance(claims, dict)
    assert (new != old, claims["exp"]) == (True, int(issuer.now) + 60)
