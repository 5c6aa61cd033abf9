"""An issuer that answers with times which no clock has: nothing of ours breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.support.gateways.serving import Examples
from tests.support.gateways.signing_in import COOKIE, SignInStand, back, begun, signing_in
from tests.support.servers.issuer import sign
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer

pytestmark = pytest.mark.asyncio(loop_scope="module")
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SignInStand]:
    folder = tmp_path_factory.mktemp("sign_in")
    async with openid_issuer(OpenIdIssuer()) as issuer, signing_in(issuer, examples, folder) as running:
        yield running


@pytest.mark.parametrize("seconds", [-1, -1e308, 10**18, 1e308])
async def test_an_access_token_of_any_length_signs_in(stand: SignInStand, seconds: float) -> None:
    stand.issuer.token_seconds = seconds
    browser = stand.browser()
    assert (await browser.follow(await begun(browser))).status == 200


async def test_an_id_token_that_ends_at_no_time_signs_nobody_in(stand: SignInStand) -> None:
    stand.issuer.token_seconds, stand.issuer.minted = 3600, lambda claims: sign({**claims, "exp": 1e300})
    browser = stand.browser()
    refused = await browser.open(back(await begun(browser)))
    stand.issuer.minted = sign
    assert (refused.status, COOKIE in browser.cookies) == (403, False)


@pytest.mark.parametrize("exp", [1e300, 10**18, -1e300])
async def test_a_logout_token_that_ends_at_no_time_ends_nothing(stand: SignInStand, exp: float) -> None:
    body = urlencode({"logout_token": stand.issuer.logout_token(exp=exp)}).encode()
    refused = await stand.browser().open("/_gateway/sign-out/company", FORM, method="POST", body=body)
    assert refused.status == 400
