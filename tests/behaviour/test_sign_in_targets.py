"""Where a person comes back to: forty and more spellings of somewhere else lead nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.support.gateways.serving import Examples
from tests.support.gateways.signing_in import SignInStand, signing_in
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer, provider

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLBACK = "/_gateway/sign-in/callback/company"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SignInStand]:
    async with openid_issuer(OpenIdIssuer()) as issuer:
        folder = tmp_path_factory.mktemp("sign_in")
        providers = {"company": provider(issuer), "other": provider(issuer)}
        async with signing_in(issuer, examples, folder, providers=providers) as running:
            yield running


HOSTILE = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/%5cevil.example/..",
    "/%2f/evil.example/",
    "/%2fevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "%20//evil.example",
    "/./evil.example/..//",
    "/..//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "http://evil.example",
    "https://evil.example/",
    "HTTPS://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example/",
    "https:\\\\evil.example/",
    "http://app.test@evil.example/",
    "http://app.test:80@evil.example/",
    "http://app.test.evil.example/",
    "http://evil.example/app.test",
    "http://evil.example#app.test/",
    "http://evil.example?app.test/",
    "http://evil.example\\app.test/",
    "http://app.test:8081/",
    "https://app.test/",
    "http://app.test",
    "http://[::1]/",
    "http://app.test%2eevil.example/",
    "http://ap\u0440.test/",
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "x:y",
    "evil.example",
    "@evil.example",
    "?a=b",
    "#/evil.example",
    "/a#//evil.example",
    "/a\r\nSet-Cookie: a=b",
    "/\x00",
    "/" + "a" * 3000,
    "/_gateway/sign-out",
    "/_gateway/sign-in",
    "",
)


@pytest.mark.parametrize("target", HOSTILE)
async def test_no_spelling_leads_anywhere_else(stand: SignInStand, target: str) -> None:
    for more in ("", "&provider=company"):
        query = urlencode({"return_to": target})
        refused = await stand.browser().open(f"/_gateway/sign-in?{query}{more}")
        if target == "/%5cevil.example/..":
            assert refused.status == 400
        assert (refused.status, refused.one(b"Location")) == (400, None), refused.body
        assert b"evil" not in refused.body
