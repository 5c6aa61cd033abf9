"""A browser signs in at an issuer: its answer is taken once, from the very browser that asked, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio

from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.serving import Examples
from tests.support.gateways.signing_in import COOKIE, SignInStand, back, begun, signing_in
from tests.support.servers.issuer import sign
from tests.support.servers.openid_issuer import OpenIdIssuer, openid_issuer, provider

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLBACK = "/_gateway/sign-in/callback/company"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SignInStand]:
    async with (
        openid_issuer(OpenIdIssuer()) as issuer,
        openid_issuer(OpenIdIssuer(pushes=False, names_itself=False)) as other,
    ):
        folder = tmp_path_factory.mktemp("sign_in")
        providers = {
            "company": provider(issuer, title="Company <account>", claims={"roles": "groups"}),
            "guests": provider(other, unknown="refuse", require={"email_domains": ["guests.example"]}),
        }
        async with signing_in(issuer, examples, folder, providers=providers) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def honest(stand: SignInStand) -> AsyncIterator[None]:
    yield
    stand.issuer.minted, stand.issuer.refused = sign, ""
    stand.issuer.person = {"sub": "jane-1", "email": "jane@example.com", "email_verified": True}


def _state(answer: RawResponse) -> str:
    return parse_qs(urlsplit(back(answer)).query)["state"][0]


async def test_who_opens_a_page_signs_in_and_lands_there(stand: SignInStand) -> None:
    stand.issuer.person |= {"name": "Jane", "groups": ["admin"]}
    browser = stand.browser()
    sent = await browser.open("/echo/a?b=1&c=%2F")
    assert (sent.status, browser.cookies) == (302, {})
    choice = await browser.follow(sent)
    assert choice.status == 200
    assert b"Company &lt;account&gt;" in choice.body
    assert b"echo" not in choice.body
    link = choice.body.split(b'href="')[1].split(b'"')[0].replace(b"&amp;", b"&").decode()
    landed = await browser.follow(await browser.open(link))
    assert landed.status == 200
    request = stand.upstream.requests[-1]
    assert request.target == b"/echo/a?b=1&c=%2F"
    assert request.one(b"X-User-Email") == b"jane@example.com"
    assert request.one(b"X-User-Name") == b"Jane"
    assert request.one(b"X-Auth-Method") == b"cookie"
    assert COOKIE.encode() not in request.raw
    assert list(browser.cookies) == [COOKIE]
    assert (await browser.open("/admin/")).status == 200


async def test_the_same_subject_is_the_same_user_whatever_its_address(stand: SignInStand) -> None:
    ids = []
    for email in ("jane@example.com", "other@example.com"):
        stand.issuer.person = {"sub": "same-1", "email": email}
        browser = stand.browser()
        await browser.follow(await begun(browser))
        ids.append(stand.upstream.requests[-1].one(b"X-User-Id"))
        assert stand.upstream.requests[-1].one(b"X-User-Email") == email.encode()
    stand.issuer.person = {"sub": "same-2", "email": "jane@example.com"}
    browser = stand.browser()
    await browser.follow(await begun(browser))
    assert ids[0] == ids[1] != stand.upstream.requests[-1].one(b"X-User-Id")


async def test_six_tabs_all_land_right(stand: SignInStand) -> None:
    browser = stand.browser()
    answers = [await begun(browser, f"/echo/{tab}") for tab in range(6)]
    assert len(browser.cookies) == 6
    for tab in (3, 0, 5, 1, 4, 2):
        assert (await browser.follow(answers[tab])).status == 200
        assert stand.upstream.requests[-1].target == f"/echo/{tab}".encode()
    assert list(browser.cookies) == [COOKIE]


async def test_a_seventh_tab_takes_the_oldest_ones_place(stand: SignInStand) -> None:
    browser = stand.browser()
    answers = [await begun(browser, f"/echo/{tab}") for tab in range(7)]
    assert len(browser.cookies) == 6
    assert (await browser.open(back(answers[0]))).status == 403
    assert (await browser.follow(answers[6])).status == 200


async def test_each_sign_in_is_a_new_session_and_the_browsers_old_one_is_over(stand: SignInStand) -> None:
    browser, other = stand.browser(), stand.browser()
    await browser.follow(await begun(browser))
    first = dict(browser.cookies)
    await browser.follow(await begun(browser))
    assert browser.cookies != first
    other.cookies = first
    assert (await other.open("/echo/", "Accept: application/json")).status == 302
    assert (await browser.open("/echo/")).status == 200


async def test_a_fixed_session_is_not_the_one_that_is_signed_in(stand: SignInStand) -> None:
    """Session fixation: an attacker's own session in the victim's browser."""
    attacker, victim = stand.browser(), stand.browser()
    await attacker.follow(await begun(attacker))
    victim.cookies = dict(attacker.cookies)
    stand.issuer.person = {"sub": "victim-1"}
    await victim.follow(await begun(victim))
    assert victim.cookies[COOKIE] != attacker.cookies[COOKIE]
    assert (await attacker.open("/echo/")).status == 302


async def test_login_csrf_an_answer_that_another_browser_began_is_refused(stand: SignInStand) -> None:
    attacker, victim = stand.browser(), stand.browser()
    answer = await begun(attacker)
    refused = await victim.open(back(answer))
    assert (refused.status, victim.cookies) == (403, {})
    own = await begun(victim)
    mixed = back(answer).replace(_state(answer), _state(own))
    assert (await victim.open(mixed)).status == 403
    assert COOKIE not in victim.cookies


async def test_a_tossed_flow_cookie_is_none(stand: SignInStand) -> None:
    """A neighbour of the host cannot set a `__Host-` cookie; what it sets beside is a second one of the name: none."""
    browser = stand.browser()
    answer = await begun(browser)
    (name,) = browser.cookies
    browser.cookies["x"] = f"1; {name}=tossed"
    assert (await browser.open(back(answer))).status == 403
    browser.cookies = {name: "tossed"}
    assert (await browser.open(back(answer))).status == 403


async def test_a_code_counts_once(stand: SignInStand) -> None:
    browser = stand.browser()
    answer = await begun(browser)
    flows = dict(browser.cookies)
    assert (await browser.open(back(answer))).status == 302
    assert (await browser.open(back(answer))).status == 403
    browser.cookies |= flows  # a browser that kept the cookie: the issuer refuses the code
    assert (await browser.open(back(answer))).status == 403


async def test_one_providers_answer_is_no_other_ones(stand: SignInStand) -> None:
    browser = stand.browser()
    answer = await begun(browser)
    assert (await browser.open(back(answer).replace("/company", "/guests"))).status == 403
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.pop("iss"),
        lambda query: query.update(iss=["https://evil.example"]),
        lambda query: query.update(error=["access_denied"]),
        lambda query: query.pop("code"),
        lambda query: query.update(code=["guessed"]),
        lambda query: query.update(code=query["code"] * 2),
        lambda query: query.update(state=query["state"] * 2),
        lambda query: query.pop("state"),
    ],
)
async def test_an_answer_that_was_changed_signs_nobody_in(
    stand: SignInStand, change: Callable[[dict[str, list[str]]], object]
) -> None:
    browser = stand.browser()
    answer = await begun(browser)
    query = parse_qs(urlsplit(back(answer)).query)
    change(query)
    refused = await browser.open(f"{CALLBACK}?{urlencode(query, doseq=True)}")
    assert (refused.status, COOKIE in browser.cookies) == (403, False)


async def test_an_address_of_this_very_origin_is_a_path_of_ours(stand: SignInStand) -> None:
    browser = stand.browser()
    answer = await begun(browser, "http://APP.test:80/echo/x?y=z")
    landed = await browser.open(back(answer))
    assert landed.one(b"Location") == b"/echo/x?y=z"


async def test_who_is_not_wanted_begins_no_session(stand: SignInStand) -> None:
    """`guests` takes nobody that the directory does not know, and nobody of another domain."""
    browser = stand.browser()
    refused = await browser.open(back(await begun(browser, name="guests")))
    assert (refused.status, COOKIE in browser.cookies) == (403, False)
    assert b"jane" not in refused.body
    for query in ("provider=nobody", "provider=company&provider=guests", "providers=company,company", "target=x"):
        assert (await browser.open(f"/_gateway/sign-in?{query}")).status == 400


async def test_our_pages_can_be_framed_by_nobody(stand: SignInStand) -> None:
    for target in ("/_gateway/sign-in", "/_gateway/sign-out", CALLBACK):
        seen = await stand.browser().open(target)
        assert b"frame-ancestors 'none'" in (seen.one(b"Content-Security-Policy") or b"")
        assert seen.one(b"X-Frame-Options") == b"DENY"
        assert seen.one(b"Referrer-Policy") == b"same-origin"
        assert b"<script" not in seen.body


async def test_a_script_is_sent_nowhere(stand: SignInStand) -> None:
    browser = stand.browser()
    browser_line = "Sec-Fetch-Mode: cors"
    read = await CookieBrowser(browser.port).open("/echo/", browser_line)
    assert (read.status, read.one(b"Location")) == (401, None)


async def test_a_route_offers_its_own_providers_or_none(examples: Examples, tmp_path: Path) -> None:
    async with openid_issuer(OpenIdIssuer()) as issuer:
        providers = {"company": provider(issuer), "other": provider(issuer)}
        plain: dict[str, Any] = {"upstream": "http://127.0.0.1:1"}
        routes = [
            {"name": "one", "match": {"path": "/one/"}, "sign_in": ["other"], **plain},
            {"name": "none", "match": {"path": "/none/"}, "sign_in": [], **plain},
            {"name": "keys", "match": {"path": "/keys/"}, "credentials": ["token"], **plain},
            {"name": "all", "match": {"path": "/"}, **plain},
        ]
        doors = {"caddy": {"peers": ["127.0.0.1/32"]}}
        sections = {"routes": routes, "forward_auth": doors}
        async with signing_in(
            issuer, examples, tmp_path, providers=providers, sections=sections, hosts=["app.test"]
        ) as stand:
            browser = stand.browser()
            one = await browser.open("/one/x")
            query = parse_qs(urlsplit((one.one(b"Location") or b"").decode()).query)
            assert query == {"return_to": ["/one/x"], "providers": ["other"]}
            led = await browser.open("/_gateway/sign-in?" + urlencode(query, doseq=True))
            assert (led.one(b"Location") or b"").startswith(issuer.url.encode())
            assert [(await browser.open(path)).status for path in ("/none/", "/keys/", "/")] == [401, 401, 302]
            elsewhere = stand.browser("other.test")
            assert [(await elsewhere.open(path)).status for path in ("/", "/_gateway/sign-in")] == [401, 404]
            asked = ("X-Forwarded-Method: GET", "X-Forwarded-Proto: http", "X-Forwarded-Host: app.test")
            more = ("X-Forwarded-Uri: /", "X-Forwarded-For: 192.0.2.1")
            assert (await browser.open("/_gateway/auth/caddy", *asked, *more)).status == 401
