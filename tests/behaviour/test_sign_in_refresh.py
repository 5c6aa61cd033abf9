"""Facts of a session that its issuer is asked for anew: by one process of a fleet; an outage is no verdict."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse, raw_client
from tests.support.gateways.running import running
from tests.support.gateways.serving import READERS, Examples, Gateway, config, serving
from tests.support.gateways.signing_in import COOKIE, READER
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer, provider
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")
Replicas = tuple[list[Gateway], OpenIdIssuer, RecordingUpstream]


def settings_of(upstream: int, accounts: dict[str, Any], issuer: OpenIdIssuer, redis: dict[str, str]) -> dict[str, Any]:
    """Return the config of each of the replicas."""
    limit = {"rate": "1000/s", "burst": 1000}
    providers = {"company": provider(issuer, refresh=True)}
    sign_in = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
    return config(upstream, accounts, redis=redis) | {"credentials": READERS | READER, "sign_in": sign_in}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replicas(
    examples: Examples, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> AsyncIterator[Replicas]:
    folder: Path = tmp_path_factory.mktemp("refresh")
    async with openid_issuer(OpenIdIssuer()) as issuer, recording_upstream() as upstream:
        redis = {"url": redis_url, "key_prefix": "refresh:"}
        whole = settings_of(upstream.port, examples.settings(folder), issuer, redis)
        for name in ("a", "b"):
            (folder / name).mkdir()
        async with serving(whole, folder / "a") as first, serving(whole, folder / "b") as second:
            yield [first, second], issuer, upstream


async def signed_in(replicas: Replicas, subject: str) -> CookieBrowser:
    """Return a browser with a session whose facts are out of date at once."""
    gateways, issuer, _ = replicas
    return await signed_in_at(gateways[0].port, issuer, subject)


async def signed_in_at(port: int, issuer: OpenIdIssuer, subject: str) -> CookieBrowser:
    """Sign in at the gateway of that port."""
    issuer.person, issuer.token_seconds = {"sub": subject, "name": "Old"}, 0
    browser = CookieBrowser(port)
    answer = await browser.go(await location(await browser.open("/_gateway/sign-in?return_to=/echo/")))
    assert (await browser.open((await location(answer)).removeprefix("http://app.test"))).status == 302
    issuer.token_seconds, issuer.refreshes = 3600, 0
    return browser


async def location(response: RawResponse) -> str:
    return (response.one(b"Location") or b"").decode()


async def test_fifty_requests_at_two_replicas_are_one_refresh(replicas: Replicas) -> None:
    gateways, issuer, upstream = replicas
    browser = await signed_in(replicas, "fifty")
    issuer.person = {"sub": "fifty", "name": "New"}
    asked = (CookieBrowser(gateways[n % 2].port, cookies=dict(browser.cookies)).open("/echo/") for n in range(50))
    assert {response.status for response in await asyncio.gather(*asked)} == {200}
    assert issuer.refreshes == 1
    assert (await browser.open("/echo/")).status == 200
    assert upstream.requests[-1].one(b"X-User-Name") == b"New"


async def test_fifty_requests_at_eight_workers_are_one_refresh(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    async with (
        openid_issuer(OpenIdIssuer()) as issuer,
        recording_upstream() as upstream,
        contextlib.AsyncExitStack() as stack,
    ):
        redis = {"url": redis_url, "key_prefix": key_prefix, "timeout": "10s"}  # longer than workers stand still here
        settings = settings_of(upstream.port, examples.settings(tmp_path), issuer, redis)
        settings["listen"] |= {"workers": 4}
        (tmp_path / "gateway.yaml").write_text(json.dumps(settings), encoding="utf-8")
        gateways = [await stack.enter_async_context(running(tmp_path / "gateway.yaml")) for _ in range(2)]
        browser = await signed_in_at(int(gateways[0].port), issuer, "eight")
        issuer.person = {"sub": "eight", "name": "New"}
        request = f"GET /echo/ HTTP/1.1\r\nHost: app.test\r\nCookie: {COOKIE}={browser.cookies[COOKIE]}\r\n\r\n"
        workers = [pid for gateway in gateways for pid in gateway.workers()]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        callers = [await stack.enter_async_context(raw_client(gateways[n % 2].port)) for n in range(50)]
        for caller in callers:
            await caller.send(request.encode())
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        assert {response.status for response in await asyncio.gather(*(each.response() for each in callers))} == {200}
        assert issuer.refreshes == 1
        for gateway in gateways:
            assert (await CookieBrowser(int(gateway.port), cookies=dict(browser.cookies)).open("/echo/")).status == 200
            assert upstream.requests[-1].one(b"X-User-Name") == b"New"


async def test_what_the_issuer_refuses_is_over(replicas: Replicas) -> None:
    gateways, issuer, _ = replicas
    browser = await signed_in(replicas, "refused")
    issuer.refused = "invalid_grant"
    try:
        for gateway in gateways:
            assert (await CookieBrowser(gateway.port, cookies=dict(browser.cookies)).open("/echo/")).status == 302
    finally:
        issuer.refused = ""
    assert (await CookieBrowser(gateways[1].port, cookies=dict(browser.cookies)).open("/echo/")).status == 302


async def test_an_outage_of_the_issuer_signs_nobody_out(replicas: Replicas) -> None:
    gateways, issuer, _ = replicas
    browser = await signed_in(replicas, "outage")
    issuer.down = True
    try:
        for gateway in gateways:
            assert (await CookieBrowser(gateway.port, cookies=dict(browser.cookies)).open("/echo/")).status == 200
    finally:
        issuer.down = False
    assert COOKIE in browser.cookies
