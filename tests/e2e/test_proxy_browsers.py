"""Browsers behind real proxies: a refused page is a page of ours, or leads to the login that the gateway names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gateways.proxy_stand import standing
from tests.support.gateways.serving import MEMBER_KEY, Examples
from tests.support.servers.proxies import KINDS

OPENS = ("Sec-Fetch-Mode: navigate", "Accept: text/html")
UPSTREAM = "http://127.0.0.1:1"
ROUTES = [
    {"name": "public", "match": {"path": "/public/"}, "access": "public", "upstream": UPSTREAM},
    {"name": "plain", "match": {"path": "/plain/"}, "upstream": UPSTREAM},
    {"name": "admin", "match": {"path": "/admin/"}, "require": {"roles": ["admin"]}, "upstream": UPSTREAM},
    {
        "name": "away",
        "match": {"path": "/away/"},
        "upstream": UPSTREAM,
        "on_unauthenticated": {"redirect": "https://login.example.com/?next={url}"},
    },
]
NEXT = b"https://login.example.com/?next=http%3A%2F%2Fapp.test%2Faway%2Fa%3Fb%3D%252F"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_browser_sees_a_page_or_is_sent_to_the_login(kind: str, examples: Examples, tmp_path: Path) -> None:
    async with standing(kind, examples, tmp_path, routes=ROUTES) as stand:
        for target, lines, status in (
            ("/plain/", (), 401),
            ("/plain/", ("Cookie: __session=expired",), 401),
            ("/admin/", (f"X-Api-Key: {MEMBER_KEY}",), 403),
            ("/away/", ("X-Api-Key: nobody's",), 401),
        ):
            seen = await stand.ask(target, *OPENS, *lines)
            assert (seen.status, (seen.one(b"Content-Type") or b"").split(b";")[0]) == (status, b"text/html")
            assert b"<small>Request " in seen.body, target
            assert b"frame-ancestors 'none'" in (seen.one(b"Content-Security-Policy") or b"")
            assert seen.one(b"Vary") == b"Accept, Sec-Fetch-Mode"
            assert seen.one(b"Location") is None
            read = await stand.ask(target, "Accept: application/json", *lines)
            assert (read.status, read.one(b"Content-Type")) == (status, b"application/json")
            assert read.json()["error"]["status"] == status
        for lines in ((), ("Cookie: __session=expired",)):
            sent = await stand.ask("/away/a?b=%2F", *OPENS, *lines)
            assert (sent.status, sent.one(b"Location")) == (302, NEXT)
            script = await stand.ask("/away/a?b=%2F", "Sec-Fetch-Mode: cors", *lines)
            assert (script.status, script.one(b"Location")) == (401, None)
        assert stand.came() == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "nginx" in kind])
async def test_a_gateway_that_is_gone_is_a_page_too(kind: str, examples: Examples, tmp_path: Path) -> None:
    async with standing(kind, examples, tmp_path) as stand:
        await stand.gateway.supervisor.drain()
        seen = await stand.ask("/echo/", *OPENS)
        assert (seen.status, b"cannot be answered" in seen.body) == (500, True)
