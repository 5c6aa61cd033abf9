"""Every way in which a session ends that a browser began: here, at the issuer, and on every replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio

from tests.support.clients.admin_client import AdminClient
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import PATIENCE, RawResponse, raw_client
from tests.support.gateways.proxy_stand import HANDSHAKE, app
from tests.support.gateways.serving import READERS, Examples, Gateway, config, serving
from tests.support.gateways.signing_in import COOKIE, READER
from tests.support.servers.issuer import OTHER_EC_KEY, sign
from tests.support.servers.openid_issuer import BACK_CHANNEL, OpenIdIssuer, openid_issuer, provider
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIGN_OUT = "/_gateway/sign-out"
OURS = "Origin: http://app.test"


class Fleet:
    """Two replicas with one Redis and one directory, and the issuer that their people sign in at."""

    def __init__(self, first: Gateway, second: Gateway, issuer: OpenIdIssuer, upstream: RecordingUpstream) -> None:
        self.first = first
        self.second = second
        self.issuer = issuer
        self.upstream = upstream

    async def signed_in(self, subject: str, sid: str = "sid-1") -> CookieBrowser:
        """Return a browser that has signed in at the first replica."""
        self.issuer.person, self.issuer.sid = {"sub": subject}, sid
        browser = CookieBrowser(self.first.port)
        landed = await browser.follow(await browser.open("/echo/"))
        assert (landed.status, list(browser.cookies)) == (200, [COOKIE])
        return browser

    async def tell(self, token: str, gateway: Gateway | None = None) -> RawResponse:
        """Post a logout token, as the issuer does."""
        body = urlencode({"logout_token": token}).encode()
        form = "Content-Type: application/x-www-form-urlencoded"
        port = (gateway or self.first).port
        return await CookieBrowser(port).open(f"{SIGN_OUT}/company", form, method="POST", body=body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(examples: Examples, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> AsyncIterator[Fleet]:
    folder: Path = tmp_path_factory.mktemp("sign_out")
    accounts = examples.settings(folder)
    async with openid_issuer(OpenIdIssuer()) as issuer, recording_upstream(app) as upstream:
        whole: dict[str, Any] = config(upstream.port, accounts, redis={"url": redis_url, "key_prefix": "signout:"})
        whole["credentials"] = READERS | READER
        limit = {"rate": "1000/s", "burst": 1000}
        providers = {"company": provider(issuer)}
        whole["sign_in"] = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        async with serving(whole, folder / "a") as first, serving(whole, folder / "b") as second:
            yield Fleet(first, second, issuer, upstream)


def at(browser: CookieBrowser, gateway: Gateway) -> CookieBrowser:
    return CookieBrowser(gateway.port, cookies=browser.cookies)


async def is_signed_in(browser: CookieBrowser, gateway: Gateway) -> bool:
    return (await CookieBrowser(gateway.port, cookies=dict(browser.cookies)).open("/echo/")).status == 200


async def test_a_sign_out_is_in_the_audit_with_the_session_before_and_after(fleet: Fleet) -> None:
    browser = await fleet.signed_in("user-audited")
    assert (await browser.open(SIGN_OUT, OURS, method="POST")).status < 400
    entries = await AdminClient(fleet.first.admin_port)("GET", "/v1/audit?operation=ended&limit=1")
    (entry,) = entries.json()["rows"]
    assert (entry["by"], entry["kind"], entry["before"]["state"], entry["after"]["state"]) == (
        "sign_in",
        "session",
        "active",
        "closed",
    )


async def test_a_post_of_our_page_signs_out_here_and_at_the_issuer(fleet: Fleet) -> None:
    browser = await fleet.signed_in("out-1")
    kept = dict(browser.cookies)
    page = await browser.open(SIGN_OUT)
    assert b'<form method="post" action="/_gateway/sign-out">' in page.body
    assert b"form-action 'self' http: https:;" in (page.one(b"Content-Security-Policy") or b"")
    sent = await browser.open(SIGN_OUT, OURS, method="POST")
    assert (sent.status, browser.cookies) == (303, {})
    leads_to = urlsplit((sent.one(b"Location") or b"").decode())
    query = parse_qs(leads_to.query)
    assert f"{leads_to.scheme}://{leads_to.netloc}{leads_to.path}" == f"{fleet.issuer.url}/end"
    assert query["post_logout_redirect_uri"] == ["http://app.test/_gateway/sign-out"]
    assert query["id_token_hint"][0].count(".") == 2
    browser.cookies = kept
    for gateway in (fleet.first, fleet.second):
        assert not await is_signed_in(browser, gateway)


@pytest.mark.parametrize(
    "lines", [(), ("Origin: https://evil.example",), ("Origin: null",), ("Origin: https://app.test",), (OURS, OURS)]
)
async def test_sign_out_csrf_a_foreign_page_signs_nobody_out(fleet: Fleet, lines: tuple[str, ...]) -> None:
    browser = await fleet.signed_in("out-2")
    assert (await browser.open(SIGN_OUT, *lines, method="POST")).status == 403
    assert await is_signed_in(browser, fleet.first)


async def test_a_get_signs_nobody_out(fleet: Fleet) -> None:
    browser = await fleet.signed_in("out-3")
    assert (await browser.open(SIGN_OUT)).status == 200
    assert await is_signed_in(browser, fleet.first)


async def test_a_logout_token_ends_the_session_on_every_replica_and_its_tunnels(fleet: Fleet) -> None:
    browser, other = await fleet.signed_in("back-1", "sid-7"), await fleet.signed_in("back-2", "sid-8")
    assert await is_signed_in(browser, fleet.second)
    fleet.issuer.person, fleet.issuer.sid = {"sub": "back-1"}, "sid-7"
    async with raw_client(fleet.second.port) as tunnel:
        cookie = f"Cookie: {COOKIE}={browser.cookies[COOKIE]}"
        lines = ("GET /echo/ws HTTP/1.1", "Host: app.test", OURS, cookie, *HANDSHAKE)
        await tunnel.send("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        assert (await tunnel.head()).status == 101
        told = await fleet.tell(fleet.issuer.logout_token())
        assert (told.status, told.one(b"Cache-Control"), told.body) == (200, b"no-store", b"")
        async with asyncio.timeout(PATIENCE):
            assert (await tunnel.read(4))[2:] == (1008).to_bytes(2, "big")
            while await is_signed_in(browser, fleet.second):
                pass  # each turn is an exchange over a socket
    assert not await is_signed_in(browser, fleet.first)
    assert await is_signed_in(other, fleet.first)


async def test_a_logout_token_counts_once_at_any_replica(fleet: Fleet) -> None:
    await fleet.signed_in("once-1", "sid-9")
    token = fleet.issuer.logout_token()
    assert (await fleet.tell(token)).status == 200
    again = await fleet.signed_in("once-1", "sid-9")
    for gateway in (fleet.first, fleet.second):
        assert (await fleet.tell(token, gateway)).status == 400
    assert await is_signed_in(again, fleet.first)


async def test_a_logout_of_a_subject_ends_all_its_sessions(fleet: Fleet) -> None:
    browsers = [await fleet.signed_in("all-1", f"sid-{number}") for number in (11, 12)]
    assert (await fleet.tell(fleet.issuer.logout_token(sid=None))).status == 200
    for browser in browsers:
        assert not await is_signed_in(browser, fleet.first)


def wrong(**more: Any) -> dict[str, Any]:
    return more


@pytest.mark.parametrize(
    "more",
    [
        wrong(iss="https://evil.example"),
        wrong(aud="another"),
        wrong(exp=1),
        wrong(iat=1),
        wrong(jti=None),
        wrong(events=None),
        wrong(events={"another": {}}),
        wrong(events={BACK_CHANNEL: True}),
        wrong(nonce="n"),
        wrong(sub=None, sid=None),
        wrong(sub=7),
    ],
)
async def test_a_logout_token_that_is_not_as_it_must_be_ends_nothing(fleet: Fleet, more: dict[str, Any]) -> None:
    browser = await fleet.signed_in("wrong-1", "sid-21")
    refused = await fleet.tell(fleet.issuer.logout_token(**more))
    assert (refused.status, refused.json()["error"]) == (400, "invalid_request")
    assert await is_signed_in(browser, fleet.first)


async def test_an_id_token_and_a_forged_token_are_no_logout_tokens(fleet: Fleet) -> None:
    browser = await fleet.signed_in("wrong-2", "sid-22")
    now = int(datetime.now(UTC).timestamp())
    named = {"iss": fleet.issuer.url, "aud": "gw", "sub": "wrong-2", "iat": now, "exp": now + 60, "jti": "j"}
    events = {"events": {BACK_CHANNEL: {}}}
    for token in (
        sign(named),
        sign({**named, **events}, OTHER_EC_KEY),
        sign({**named, **events}, typ="at+jwt"),
        "nothing",
        "",
    ):
        assert (await fleet.tell(token)).status == 400
    assert (await CookieBrowser(fleet.first.port).open(f"{SIGN_OUT}/company")).status == 405
    assert await is_signed_in(browser, fleet.first)


async def test_an_issuer_that_is_gone_keeps_who_is_signed_in_and_signs_nobody_in(fleet: Fleet) -> None:
    browser = await fleet.signed_in("gone-1")
    fleet.issuer.down = True
    try:
        assert await is_signed_in(browser, fleet.first)
        new = CookieBrowser(fleet.first.port)
        page = await new.follow(await new.open("/echo/"))
        assert (page.status, page.one(b"Content-Type")) == (503, b"text/html; charset=utf-8")
        assert (await browser.open(SIGN_OUT, OURS, method="POST")).status in {200, 303}
        assert not await is_signed_in(browser, fleet.second)
    finally:
        fleet.issuer.down = False
