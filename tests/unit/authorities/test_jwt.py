"""An issuer's tokens, good and bad in every way that has been tried on others (docs/THREATS.md, section "Tokens")."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm
from pydantic import ValidationError

from gateway.authorities.jwt import JwtAuthority, JwtSettings
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from tests.support.servers.issuer import (
    EC_KEY,
    ED_KEY,
    ISSUER,
    OTHER_EC_KEY,
    RSA_KEY,
    Clock,
    Jwks,
    forge,
    jwk,
    public_pem,
    sign,
)
from tests.support.servers.low_level import listening

NOW = 1_700_000_000
UNKNOWN = Rejected(Reason.UNKNOWN)
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "orders",
    "sub": "u1",
    "iat": NOW - 10,
    "exp": NOW + 300,
    "sid": "s1",
    "email": "u1@example.com",
    "roles": ["admin", "dev"],
    "scope": "orders:read orders:write",
    "org_id": "org_1",
    "org_role": "owner",
}


@contextlib.asynccontextmanager
async def authority(jwks: Jwks | None = None, clock: Clock | None = None, **more: Any) -> AsyncIterator[JwtAuthority]:
    jwks = jwks or Jwks(jwk(EC_KEY, "k1"), jwk(RSA_KEY, "r1"))
    async with listening(jwks.answer) as port:
        url = f"http://127.0.0.1:{port}/jwks"
        settings = {"issuer": ISSUER, "audience": "orders", "algorithms": ["ES256", "RS256"], "timeout": "10s", **more}
        opened = JwtAuthority("tokens", JwtSettings(kind="jwt", jwks_url=url, **settings), clock or Clock(NOW))
        try:
            yield opened
        finally:
            await opened.close()


def bearer(token: str, kind: CredentialKind = CredentialKind.BEARER) -> Credential:
    return Credential("token", kind, "", (token,), b"f")


async def look_up(token: str, **more: Any) -> Answer:
    async with authority(**more) as opened:
        return await opened.look_up(bearer(token))


async def test_a_good_token_is_a_session_with_the_token_s_own_times() -> None:
    answer = await look_up(sign(CLAIMS))
    assert isinstance(answer, Found)
    session = answer.session
    assert (session.subject, session.id, session.roles) == ("u1", "s1", ("admin", "dev"))
    assert session.scopes == ("orders:read", "orders:write")
    assert session.user is not None
    assert session.user.email == "u1@example.com"
    assert session.organization is not None
    assert session.member is not None
    assert (session.organization.id, session.member.role) == ("org_1", "owner")
    assert answer.issued_at == datetime.fromtimestamp(NOW - 10, UTC)
    assert answer.expires_at == datetime.fromtimestamp(NOW + 300, UTC)


@pytest.mark.parametrize(
    "token",
    [
        "opaque-token",
        "a.b.c",
        "",
        "(unreadable)",
        "." * 5000,
        sign({**CLAIMS, "iss": "https://id.example.com.evil"}),
        sign({**CLAIMS, "iss": "https://id.example.co"}),
        sign({key: value for key, value in CLAIMS.items() if key != "iss"}),
        forge({"alg": "none"}, {**CLAIMS, "iss": "https://other.example"}),
        sign({**CLAIMS, "pad": "x" * 20000}),
    ],
)
async def test_what_is_no_token_of_this_issuer_s_is_not_ours(token: str) -> None:
    assert await look_up(token) is None


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


@pytest.mark.parametrize(
    "claims",
    [
        without("exp"),
        without("aud"),
        without("sub"),
        {**CLAIMS, "aud": "another"},
        {**CLAIMS, "aud": ["another", "orders-2"]},
        {**CLAIMS, "aud": {"orders": 1}},
        {**CLAIMS, "aud": ["orders", 7]},
        {**CLAIMS, "sub": ""},
        {**CLAIMS, "sub": ["u1"]},
        {**CLAIMS, "exp": str(NOW + 300)},
        {**CLAIMS, "exp": True},
        {**CLAIMS, "exp": 1e300},
        {**CLAIMS, "nbf": NOW + 3600},
        {**CLAIMS, "nbf": "soon"},
        {**CLAIMS, "iat": NOW + 3600},
    ],
)
async def test_a_genuine_token_that_says_the_wrong_thing_is_rejected(claims: dict[str, Any]) -> None:
    assert await look_up(sign(claims)) == UNKNOWN


@pytest.mark.parametrize("expired_at", [NOW, NOW - 1, 0])
async def test_a_token_is_over_at_its_expiry_to_the_second(expired_at: int) -> None:
    assert await look_up(sign({**CLAIMS, "exp": expired_at})) == Rejected(Reason.EXPIRED)


async def test_a_token_has_one_spelling() -> None:
    token = sign(CLAIMS)
    async with authority() as opened:
        for other in (token + "=", token + "==", token + "~~", token[:-9] + "~" + token[-9:]):
            assert await opened.look_up(bearer(other)) is None


@pytest.mark.parametrize("payload", [b'{"iss": "\xff"}', b'{"iss": ' + b"[" * 5_000, b"\xff\xfe"])
async def test_claims_that_cannot_be_read_are_nobody_s(payload: bytes) -> None:
    header, _, signature = sign(CLAIMS).split(".")
    assert await look_up(f"{header}.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.{signature}") is None


async def test_an_issuer_s_clock_may_be_a_little_ahead() -> None:
    token = sign({**CLAIMS, "nbf": NOW + 5, "iat": NOW + 5})
    assert isinstance(await look_up(token), Found)
    assert await look_up(token, leeway="1s") == UNKNOWN


def hmac_with_public_key() -> str:
    """The classic: HS256 with the RSA public key as its secret (CVE-2016-10555)."""
    unsigned = forge({"alg": "HS256", "typ": "JWT", "kid": "r1"}, CLAIMS).rsplit(".", 1)[0]
    signature = hmac.new(public_pem(RSA_KEY), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{forge({}, {}, signature).rsplit('.', 1)[1]}"


GENUINE = sign(CLAIMS)
ES256 = ECAlgorithm(ECAlgorithm.SHA256)
POINTERS: list[dict[str, Any]] = [
    {"jku": "http://127.0.0.1:1/jwks"},
    {"x5u": "http://127.0.0.1:1/cert"},
    {"jwk": jwk(OTHER_EC_KEY, "k1")},
    {"x5c": ["MIIB"]},
]


@pytest.mark.parametrize(
    "token",
    [
        forge({"alg": "none", "kid": "k1"}, CLAIMS),
        forge({"alg": "None", "kid": "k1"}, CLAIMS),
        forge({"kid": "k1"}, CLAIMS),
        hmac_with_public_key(),
        sign(CLAIMS, OTHER_EC_KEY),
        sign(CLAIMS, RSA_KEY, "RS256"),  # names the EC key
        sign(CLAIMS, RSA_KEY, "PS256", kid="r1"),  # an algorithm that is not allowed
        sign(CLAIMS, kid="unheard-of"),
        GENUINE.rsplit(".", 1)[0] + ".",
        GENUINE.rsplit(".", 1)[0] + "." + sign({**CLAIMS, "sub": "u2"}).rsplit(".", 1)[1],
        sign(CLAIMS, typ="identity+jwt"),
        sign(CLAIMS, typ="session-cookie+jwt"),
        sign(CLAIMS, typ="logout+jwt"),
    ],
)
async def test_a_token_that_the_issuer_did_not_sign_for_this_is_rejected(token: str) -> None:
    assert await look_up(token) == UNKNOWN


async def test_a_token_with_a_critical_extension_is_refused() -> None:
    assert not isinstance(await look_up(sign(CLAIMS, crit=["exp2"], exp2=1)), Found)


@pytest.mark.parametrize("pointer", POINTERS, ids=list)
async def test_a_pointer_to_a_key_is_neither_followed_nor_a_reason_to_refuse(pointer: dict[str, Any]) -> None:
    assert isinstance(await look_up(sign(CLAIMS, **pointer)), Found)
    assert await look_up(sign(CLAIMS, OTHER_EC_KEY, **pointer)) == UNKNOWN


@pytest.mark.parametrize("name", ["Ed25519", "EdDSA"])
@pytest.mark.parametrize("listed", ["Ed25519", "EdDSA"])
async def test_both_names_of_edwards_are_one(name: str, listed: str) -> None:
    signed = forge({"alg": name, "kid": "e1"}, CLAIMS).rpartition(".")[0]
    token = forge({"alg": name, "kid": "e1"}, CLAIMS, ED_KEY.sign(signed.encode()))
    jwks = Jwks(jwk(ED_KEY, "e1", alg="Ed25519"))
    assert isinstance(await look_up(token, jwks=jwks, algorithms=[listed]), Found)
    assert await look_up(token, jwks=jwks, algorithms=["ES256", "RS256"]) != Found


async def test_the_types_of_tokens_are_config() -> None:
    assert await look_up(sign(CLAIMS, typ="access+jwt")) == UNKNOWN
    assert isinstance(await look_up(sign(CLAIMS, typ="application/Access+JWT"), types=["access+jwt"]), Found)
    assert await look_up(GENUINE, types=["access+jwt"]) == UNKNOWN  # which says JWT
    nothing = forge({"alg": "ES256", "kid": "k1"}, CLAIMS).rpartition(".")[0]
    unsigned = forge({"alg": "ES256", "kid": "k1"}, CLAIMS, ES256.sign(nothing.encode(), EC_KEY))
    assert isinstance(await look_up(unsigned), Found)
    assert await look_up(unsigned, types=["at+jwt"]) == UNKNOWN


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (bearer(GENUINE), False),
        (bearer(sign({**CLAIMS, "iss": "https://other.example"})), True),
        (bearer("opaque"), True),
        (bearer(GENUINE, CredentialKind.API_KEY), True),
    ],
)
async def test_what_is_another_s_is_told_without_asking(credential: Credential, *, expected: bool) -> None:
    async with authority() as opened:
        assert opened.disowns(credential) is expected


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_access_tokens_may_call_themselves_so(typ: str) -> None:
    assert isinstance(await look_up(sign(CLAIMS, typ=typ)), Found)


async def test_keys_that_cannot_be_fetched_are_cannot_tell() -> None:
    jwks = Jwks()
    jwks.status = 500
    assert isinstance(await look_up(GENUINE, jwks=jwks), Unavailable)


async def test_a_foreign_token_costs_no_fetch() -> None:
    jwks = Jwks(jwk(EC_KEY, "k1"))
    assert await look_up(sign({**CLAIMS, "iss": "https://other.example"}), jwks=jwks) is None
    assert jwks.fetches == 0


async def test_a_cookie_may_hold_a_token_and_a_key_may_not() -> None:
    async with authority() as opened:
        assert isinstance(await opened.look_up(bearer(GENUINE, CredentialKind.COOKIE)), Found)
        assert await opened.look_up(bearer(GENUINE, CredentialKind.API_KEY)) is None
        assert opened.memory_only is True


async def test_claims_are_named_by_the_config() -> None:
    claims = {**without("roles"), "realm_access": {"roles": ["ops"]}, "https://example.com/mail": "m@example.com"}
    names = {"roles": "realm_access.roles", "email": "https://example.com/mail"}
    answer = await look_up(sign(claims), claims=names)
    assert isinstance(answer, Found)
    assert answer.session.roles == ("ops",)
    assert answer.session.user is not None
    assert answer.session.user.email == "m@example.com"


@pytest.mark.parametrize(
    "wrong",
    [
        {"jwks_url": "http://id.example.com/jwks"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"audience": []},
        {"issuer": ""},
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(wrong: dict[str, Any]) -> None:
    good = {"issuer": ISSUER, "audience": "orders", "jwks_url": f"{ISSUER}/jwks", "algorithms": ["ES256"]}
    JwtSettings(kind="jwt", **good)
    with pytest.raises(ValidationError):
        JwtSettings(kind="jwt", **{**good, **wrong})
