"""Tokens that are signed with a secret that both sides know."""

from __future__ import annotations

from typing import Any

import jwt as pyjwt
import pytest
from pydantic import SecretStr, ValidationError

from gateway.authorities.jwt import JwtAuthority, JwtSettings
from gateway.authorities.key_set import TokenKey
from gateway.authorities.parsed_token import parse_token
from gateway.authorities.shared_secret import SharedSecrets, require_long
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.credential import Credential, CredentialKind
from tests.support.servers.issuer import EC_KEY, ISSUER, Clock, public_pem, sign

NOW = 1_700_000_000
OLD, NEW = "o" * 32, "n" * 40
CLAIMS = {"iss": ISSUER, "aud": "orders", "sub": "u1", "iat": NOW, "exp": NOW + 60}
SETTINGS: dict[str, Any] = {"kind": "jwt", "issuer": ISSUER, "audience": "orders"}


@pytest.mark.parametrize(("secret", "expected"), [(OLD, True), (NEW, True), ("x" * 32, False)])
async def test_each_of_the_secrets_verifies(secret: str, *, expected: bool) -> None:
    parsed = parse_token(pyjwt.encode(CLAIMS, secret), 16384)
    assert parsed is not None
    secrets = SharedSecrets([SecretStr(NEW), SecretStr(OLD)])
    assert await secrets.has_signed(TokenKey("", "HS256"), parsed.is_signed_by) is expected


def test_a_secret_is_as_long_as_its_hash_and_shown_to_nobody() -> None:
    assert require_long((SecretStr("ü" * 16),))
    with pytest.raises(ValueError, match="at least 32 bytes") as refused:
        require_long((SecretStr(OLD), SecretStr("s3cret")))
    assert "s3cret" not in str(refused.value)
    assert NEW not in "".join(SharedSecrets([SecretStr(NEW)]).digests)


async def test_a_token_by_hmac_is_a_session_and_no_other_algorithm_counts() -> None:
    authority = JwtAuthority("t", JwtSettings(**SETTINGS, shared_secret=[NEW, OLD]), Clock(NOW))
    tokens = {pyjwt.encode(CLAIMS, OLD): True, pyjwt.encode(CLAIMS, "x" * 32): False, sign(CLAIMS): False}
    tokens |= {pyjwt.encode(CLAIMS, NEW * 2, algorithm="HS512"): False, pyjwt.encode(CLAIMS, None, "none"): False}
    for token, good in tokens.items():
        answer = await authority.look_up(Credential("token", CredentialKind.BEARER, "", (token,), b"f"))
        assert isinstance(answer, Found) if good else answer == Rejected(Reason.UNKNOWN)
    await authority.close()


async def test_another_secret_is_another_verdict() -> None:
    digests = set()
    for secret in ([OLD], [NEW], [NEW, OLD]):
        authority = JwtAuthority("t", JwtSettings(**SETTINGS, shared_secret=secret), Clock(NOW))
        digests.add(authority.verdict_digest)
        await authority.close()
    assert len(digests) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithms": ["HS256"]},
        {"algorithms": ["HS256", "RS256"], "shared_secret": OLD},
        {"algorithms": ["ES256"], "shared_secret": OLD},
        {"jwks_url": f"{ISSUER}/jwks", "shared_secret": OLD},
        {"jwks_url": f"{ISSUER}/jwks", "algorithms": ["HS256"]},
        {"jwks_url": f"{ISSUER}/jwks", "algorithms": ["HS256", "ES256"]},
        {"algorithms": ["HS512"], "shared_secret": OLD},
        {"shared_secret": "short"},
        {"shared_secret": public_pem(EC_KEY).decode()[:31]},
    ],
)
def test_hmac_is_never_mixed_with_published_keys(wrong: dict[str, Any]) -> None:
    JwtSettings(**SETTINGS, shared_secret=OLD, algorithms=["HS256"])
    with pytest.raises(ValidationError):
        JwtSettings(**SETTINGS, **wrong)
