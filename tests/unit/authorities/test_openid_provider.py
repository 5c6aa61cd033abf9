"""The client of an OpenID provider beyond what a sign-in shows: refreshes, and an issuer that is out of order."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.authorities.openid_messages import OpenIdClientSettings
from gateway.authorities.openid_provider import OpenIdProvider
from gateway.model.answers import Unavailable
from gateway.model.external_identity import ProviderTokens, Redeemed, SignInRefused
from gateway.sign_in.flow import FlowCookies
from gateway.wiring.clock import wall_clock
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer, provider

BACK = "http://app.test/_gateway/sign-in/callback/company"


@contextlib.asynccontextmanager
async def client(issuer: OpenIdIssuer) -> AsyncIterator[OpenIdProvider]:
    keys = {name: value for name, value in provider(issuer).items() if name != "kind"}
    opened = OpenIdProvider("company", OpenIdClientSettings.model_validate(keys), wall_clock)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def issuer() -> AsyncIterator[OpenIdIssuer]:
    async with openid_issuer(OpenIdIssuer()) as running:
        yield running


async def test_a_refresh_brings_the_facts_of_now_and_another_token(issuer: OpenIdIssuer) -> None:
    issuer.refresh_tokens.add("r1")
    async with client(issuer) as company:
        issuer.person = {"sub": "u1", "name": "Jane"}
        fresh = await company.refresh(ProviderTokens("old", "r1"), "u1")
        assert isinstance(fresh, Redeemed)
        assert (fresh.identity.user.name, fresh.tokens.refresh_token != "r1") == ("Jane", True)
        assert isinstance(await company.refresh(ProviderTokens("old", "r1"), "u1"), SignInRefused)
        assert await company.refresh(fresh.tokens, "u2") == SignInRefused("the refreshed token is of another subject")
        issuer.down = True
        assert isinstance(await company.refresh(fresh.tokens, "u1"), Unavailable)


async def test_an_issuer_that_cannot_be_asked_is_no_verdict(issuer: OpenIdIssuer) -> None:
    issuer.down = True
    flow = FlowCookies([b"secret"], wall_clock).begin("company", "/")
    async with client(issuer) as company:
        assert isinstance(await company.begin(flow, BACK), Unavailable)
        assert isinstance(await company.redeem("code", None, flow, BACK), Unavailable)
        assert isinstance(await company.logged_out(issuer.logout_token()), Unavailable)
        assert await company.logout_url("token", BACK) == ""


async def test_an_odd_refusal_of_ours_is_our_trouble_and_not_the_persons(issuer: OpenIdIssuer) -> None:
    issuer.refused = "invalid_client"
    flow = FlowCookies([b"secret"], wall_clock).begin("company", "/")
    async with client(issuer) as company:
        answer = await company.redeem("code", issuer.url, flow, BACK)
        assert isinstance(answer, Unavailable)
        assert "invalid_client" in answer.detail
