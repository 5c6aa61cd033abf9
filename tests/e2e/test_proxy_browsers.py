"""Browsers behind real proxies: a refused page is a page of ours, or leads to the login that the gateway names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.clients.admin_client import AdminClient
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.gateways.proxy_stand import standing
from tests.support.gateways.serving import MEMBER_KEY, READERS, Examples
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


LOGIN, SHARED = "login.app.test", "session"
ASKING = {"redirect": f"http://{LOGIN}/_gateway/sign-in?return_to={{url}}"}
SIGN_IN = {
    "credentials": READERS | {"signed_in": {"kind": "cookie", "name": SHARED, "authority": "accounts"}},
    "sign_in": {
        "reader": "signed_in",
        "hosts": [LOGIN],
        "cookie_domain": "app.test",
        "return_to": ["http://app.test"],
        "providers": {"people": {"kind": "password"}},
    },
    "routes": [
        *ROUTES[:2],
        {"name": "ours", "match": {"path": "/ours/"}, "upstream": UPSTREAM, "on_unauthenticated": ASKING},
    ],
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_person_signs_in_at_the_gateways_own_host_and_passes_the_proxy(
    kind: str, examples: Examples, tmp_path: Path
) -> None:
    async with standing(kind, examples, tmp_path, **SIGN_IN) as stand:
        call, browser = AdminClient(stand.gateway.admin_port), CookieBrowser(stand.gateway.port, host=LOGIN)
        await call("POST", "/v1/users", {"id": "joe-1", "username": "joe"})
        assert (await call("PUT", "/v1/users/joe-1/password", {"password": "correct horse"})).status == 204
        form = await browser.follow(await stand.ask("/ours/a?b=%2F", *OPENS))
        state = form.body.split(b'name="state" value="')[1].split(b'"')[0].decode()
        fields = urlencode({"state": state, "login": "joe", "password": "correct horse"}).encode()
        lines = (f"Origin: http://{LOGIN}", "Content-Type: application/x-www-form-urlencoded")
        sent = await browser.open("/_gateway/sign-in/password/people", *lines, method="POST", body=fields)
        assert (sent.status, sent.one(b"Location")) == (303, b"http://app.test/ours/a?b=%2F")
        assert any(b"; Domain=app.test" in each for each in sent.all(b"Set-Cookie"))
        cookie = f"Cookie: {SHARED}={browser.cookies[SHARED]}"
        assert (await stand.ask("/ours/a?b=%2F", *OPENS, cookie)).status == 200
        (request,) = stand.came()
        assert (request.target, request.one(b"X-User-Id")) == (b"/ours/a?b=%2F", b"joe-1")
        assert not request.one(b"Cookie")
        await browser.open("/_gateway/sign-out", lines[0], method="POST")
        again = await stand.ask("/ours/a", *OPENS, cookie)
        assert (again.status, (again.one(b"Location") or b"").startswith(f"http://{LOGIN}/".encode())) == (302, True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "nginx" in kind])
async def test_a_gateway_that_is_gone_is_a_page_too(kind: str, examples: Examples, tmp_path: Path) -> None:
    async with standing(kind, examples, tmp_path) as stand:
        await stand.gateway.supervisor.drain()
        seen = await stand.ask("/echo/", *OPENS)
        assert (seen.status, b"cannot be answered" in seen.body) == (500, True)
