from collections.abc import AsyncIterator
from time import monotonic

import pytest

from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.authorities.issuer_tokens import ID_TOKEN_TYPES, LOGOUT_TOKEN_TYPES, IssuerTokens
from gateway.authorities.parsed_token import ParsedToken
from gateway.model.answers import Unavailable
from gateway.model.external_identity import SignInRefused
from tests.support.servers.issuer import ED_KEY, sign
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer


@pytest.fixture
async def issuer() -> AsyncIterator[OpenIdIssuer]:
    async with openid_issuer(OpenIdIssuer()) as running:
        yield running


async def test_a_token_is_verified_for_its_purpose_alone(issuer: OpenIdIssuer) -> None:
    settings = HttpAuthoritySettings(timeout="10s")  # type: ignore[arg-type]
    tokens = IssuerTokens(issuer.url, settings, frozenset({"ES256"}), monotonic, insecure_http=False)
    try:
        assert isinstance(await tokens.verified(sign({"a": 1}), ID_TOKEN_TYPES), ParsedToken)
        logout = sign({"a": 1}, typ="logout+jwt")
        assert isinstance(await tokens.verified(logout, LOGOUT_TOKEN_TYPES), ParsedToken)
        assert await tokens.verified(logout, ID_TOKEN_TYPES) == SignInRefused("typ is another kind of token")
        another = await tokens.verified(sign({"a": 1}, ED_KEY, "EdDSA"), ID_TOKEN_TYPES)
        assert another == SignInRefused("alg is not one of algorithms")
    finally:
        await tokens.close()


async def test_without_keys_nothing_can_be_told(issuer: OpenIdIssuer) -> None:
    issuer.down = True
    settings = HttpAuthoritySettings(timeout="10s")  # type: ignore[arg-type]
    tokens = IssuerTokens(issuer.url, settings, frozenset({"ES256"}), monotonic, insecure_http=False)
    try:
        assert isinstance(await tokens.verified(sign({"a": 1}), ID_TOKEN_TYPES), Unavailable)
    finally:
        await tokens.close()
