"""A gateway that people sign in at, with one issuer or more, and the application behind it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.serving import READERS, Examples, Gateway, config, serving
from tests.support.servers.openid_issuer import OpenIdIssuer, provider
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

COOKIE = "__Host-gw"
READER = {"signed_in": {"kind": "cookie", "name": COOKIE, "authority": "accounts"}}


@dataclass
class SignInStand:
    """What runs."""

    gateway: Gateway
    upstream: RecordingUpstream
    issuer: OpenIdIssuer

    def browser(self, host: str = "app.test") -> CookieBrowser:
        return CookieBrowser(self.gateway.port, host=host)

    def log(self) -> str:
        return self.gateway.log().decode()


@contextlib.asynccontextmanager
async def signing_in(
    issuer: OpenIdIssuer,
    examples: Examples,
    folder: Path,
    *,
    providers: dict[str, Any] | None = None,
    sections: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[SignInStand]:
    """Run a gateway whose `company` is `issuer`; `more` are keys of `sign_in`."""
    company = {"company": provider(issuer)} if providers is None else providers
    sign_in = {"reader": "signed_in", "providers": company, "rate_limit": {"rate": "1000/s", "burst": 1000}, **more}
    async with recording_upstream() as upstream:
        whole = config(upstream.port, examples.settings(folder), **(sections or {}))
        whole["credentials"] = READERS | READER
        whole["sign_in"] = sign_in
        async with serving(whole, folder) as gateway:
            yield SignInStand(gateway, upstream, issuer)


async def begun(browser: CookieBrowser, target: str = "/echo/a?b=1", name: str = "company") -> RawResponse:
    """Begin a sign-in, and return the issuer's answer: where it sends the browser back to."""
    query = urlencode({"return_to": target, "provider": name})
    sent = await browser.open(f"/_gateway/sign-in?{query}")
    assert sent.status == 302, sent.body
    return await browser.go((sent.one(b"Location") or b"").decode())


def back(answer: RawResponse) -> str:
    """Return the target at the gateway where an issuer sends the browser back to."""
    parts = urlsplit((answer.one(b"Location") or b"").decode())
    return f"{parts.path}?{parts.query}"
