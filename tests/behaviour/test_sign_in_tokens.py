"""ID tokens that are not as they must be: nobody is signed in, and the log says why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.support.gateways.serving import Examples
from tests.support.gateways.signing_in import COOKIE, SignInStand, back, begun, signing_in
from tests.support.servers.issuer import EC_KEY, OTHER_EC_KEY, forge, public_pem, sign
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLBACK = "/_gateway/sign-in/callback/company"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SignInStand]:
    async with openid_issuer(OpenIdIssuer()) as issuer:
        folder = tmp_path_factory.mktemp("sign_in")
        async with signing_in(issuer, examples, folder) as running:
            yield running


def _unsigned(claims: dict[str, Any]) -> str:
    return forge({"alg": "none", "kid": "k1"}, claims)


def _by_the_public_key(claims: dict[str, Any]) -> str:
    head, _, _ = forge({"alg": "HS256", "kid": "k1", "typ": "JWT"}, claims).rpartition(".")
    signature = hmac.new(public_pem(EC_KEY), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


MUTATIONS: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "iss": (lambda claims: sign({**claims, "iss": "https://evil.example"}), "iss is another issuer"),
    "aud": (lambda claims: sign({**claims, "aud": "another"}), "aud is not us alone"),
    "aud of two": (lambda claims: sign({**claims, "aud": ["gw", "another"]}), "aud is not us alone"),
    "no aud": (lambda claims: sign({**claims, "aud": None}), "aud is not us alone"),
    "azp": (lambda claims: sign({**claims, "azp": "another"}), "azp is another client"),
    "exp": (lambda claims: sign({**claims, "exp": claims["iat"] - 1}), "exp is over"),
    "no exp": (lambda claims: sign({**claims, "exp": None}), "exp is over"),
    "iat long ago": (lambda claims: sign({**claims, "iat": claims["iat"] - 7200}), "iat is not of this sign-in"),
    "iat to come": (lambda claims: sign({**claims, "iat": claims["iat"] + 3600}), "iat is not of this sign-in"),
    "nonce": (lambda claims: sign({**claims, "nonce": "another"}), "nonce is not of this sign-in"),
    "no nonce": (lambda claims: sign({**claims, "nonce": None}), "nonce is not of this sign-in"),
    "sub": (lambda claims: sign({**claims, "sub": ""}), "sub is missing or no text"),
    "at_hash": (lambda claims: sign({**claims, "at_hash": "x"}), "at_hash is of another access token"),
    "a foreign key": (lambda claims: sign(claims, OTHER_EC_KEY), "no key of the issuer has signed it"),
    "a foreign kid": (lambda claims: sign(claims, kid="k2"), "no key of the issuer has signed it"),
    "unsigned": (_unsigned, "alg is not one of algorithms"),
    "HS256 by the public key": (_by_the_public_key, "alg is not one of algorithms"),
    "a logout token": (lambda claims: sign(claims, typ="logout+jwt"), "typ is another kind of token"),
    "crit": (lambda claims: sign(claims, crit=["exp"]), "it is no signed token"),
    "no token": (json.dumps, "it is no signed token"),
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_an_id_token_that_is_not_as_it_must_be_signs_nobody_in(stand: SignInStand, name: str) -> None:
    stand.issuer.minted, reason = MUTATIONS[name]
    browser = stand.browser()
    refused = await browser.open(back(await begun(browser)))
    assert (refused.status in {403, 503}, COOKIE in browser.cookies) == (True, False)
    if refused.status == 403:
        assert _last_detail(stand) == reason


def _last_detail(stand: SignInStand) -> str:
    """Return why the last answer of an issuer was refused, as the access line has it."""
    lines = [json.loads(line) for line in stand.log().splitlines() if line.startswith("{")]
    return [str(line.get("detail")) for line in lines if line.get("path") == CALLBACK][-1]
