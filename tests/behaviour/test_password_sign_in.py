"""People sign in by a form of ours: guesses are slow, few, and tell nobody who is known."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import jwt
import pytest
import pytest_asyncio
from sqlalchemy import update

from gateway.directory.schema import open_current
from gateway.directory.tables import sessions
from tests.support.clients.admin_client import AdminClient
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.password_people import FORM, OURS, PASSWORD, Both, signing_in_by_password
from tests.support.gateways.serving import Examples
from tests.support.gateways.signing_in import COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/_gateway/sign-in/password/people"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("passwords")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(examples: Examples, folder: Path) -> AsyncIterator[Both]:
    async with signing_in_by_password(examples, folder) as running:
        yield running


async def form_in(browser: CookieBrowser, target: str = "/echo/a?b=1") -> str:
    """Open a page, and return the state of the form that one is led to."""
    page = await browser.follow(await browser.open(target))
    assert page.status == 200
    assert b"form-action 'self'" in (page.one(b"Content-Security-Policy") or b"")
    return page.body.split(b'name="state" value="')[1].split(b'"')[0].decode()


async def post(browser: CookieBrowser, *lines: str, **fields: str) -> RawResponse:
    return await browser.open(PATH, FORM, *lines, method="POST", body=urlencode(fields).encode())


async def test_the_right_password_leads_to_the_page_that_was_opened(both: Both) -> None:
    gateway, upstream = both
    for login in ("joe", "joe@example.com"):
        browser = CookieBrowser(gateway.port)
        state = await form_in(browser)
        sent = await post(browser, OURS, state=state, login=login, password=PASSWORD)
        assert (sent.status, sent.one(b"Location")) == (303, b"/echo/a?b=1")
        assert list(browser.cookies) == [COOKIE]
        assert (await browser.follow(sent)).status == 200
        assert upstream.requests[-1].one(b"X-User-Id") == b"joe-1"


async def test_a_sign_in_by_the_form_is_a_new_session_and_the_old_one_is_over(both: Both) -> None:
    browser, sessions_seen = CookieBrowser(both[0].port), []
    for _ in range(2):
        state = await form_in(browser, "/_gateway/sign-in?return_to=%2Fecho%2F")
        assert (await post(browser, OURS, state=state, login="joe", password=PASSWORD)).status == 303
        sessions_seen.append(browser.cookies[COOKIE])
    statuses = []
    for value in sessions_seen:
        browser.cookies[COOKIE] = value
        statuses.append((await browser.open("/echo/")).status)
    assert statuses == [302, 200]


async def test_a_wrong_name_and_a_wrong_password_look_alike(both: Both) -> None:
    browser = CookieBrowser(both[0].port)
    state = await form_in(browser)
    pages = []
    for login, password in (
        ("joe", "wrong"),
        ("nobody", PASSWORD),
        ("another", PASSWORD),
        ("", ""),
        ("<b>", "x" * 5000),
    ):
        refused = await post(browser, OURS, state=state, login=login, password=password)
        assert (refused.status, COOKIE in browser.cookies) == (403, False)
        pages.append(refused.body)
    assert len(set(pages)) == 1
    assert b"&lt;b&gt;" not in pages[0]
    assert (await post(browser, OURS, state=state, login="joe", password=PASSWORD)).status == 303


async def test_login_csrf_a_foreign_page_and_another_browsers_form_sign_nobody_in(both: Both) -> None:
    attacker, victim = CookieBrowser(both[0].port), CookieBrowser(both[0].port)
    state = await form_in(attacker)
    assert (await post(victim, OURS, state=state, login="joe", password=PASSWORD)).status == 403
    own = await form_in(victim)
    for origin in ((), ("Origin: https://evil.example",), ("Origin: null",)):
        assert (await post(victim, *origin, state=own, login="joe", password=PASSWORD)).status == 403
    assert (await victim.open(PATH)).status == 405
    assert COOKIE not in victim.cookies


async def test_guesses_are_few_and_somebody_elses_name_is_not_locked(examples: Examples, tmp_path: Path) -> None:
    few = {"rate": "1/h", "burst": 3}
    async with signing_in_by_password(examples, tmp_path, per_name_and_address=few) as (gateway, _):
        browser = CookieBrowser(gateway.port)
        state = await form_in(browser)
        guesses = [await post(browser, OURS, state=state, login="joe", password=f"guess {n}") for n in range(4)]
        assert [guess.status for guess in guesses] == [403, 403, 403, 429]
        assert int(guesses[-1].one(b"Retry-After") or b"0") > 0
        for login in ("JOE", "joe"):
            assert (await post(browser, OURS, state=state, login=login, password=PASSWORD)).status == 429
        assert (await post(browser, OURS, state=state, login="joe@example.com", password=PASSWORD)).status == 303


async def test_the_admin_api_gives_a_password_and_takes_it_away(both: Both) -> None:
    gateway, _ = both
    call, path, secret = AdminClient(gateway.admin_port), "/v1/users/ann-1/password", "a phrase of ann's"
    assert (await call("POST", "/v1/users", {"id": "ann-1", "username": "ann"})).status == 201

    async def signs_in(password: str) -> CookieBrowser | None:
        browser = CookieBrowser(gateway.port)
        answer = await post(browser, OURS, state=await form_in(browser), login="ann", password=password)
        return browser if answer.status == 303 else None

    assert await signs_in(secret) is None
    given = await call("PUT", path, {"password": secret})
    assert (given.status, given.body) == (204, b"")
    browser = await signs_in(secret)
    assert browser is not None
    assert (await call("PUT", path, {"password": f"{secret}!", "end_sessions": False})).status == 204
    assert (await browser.open("/echo/")).status == 200
    assert (await call("PUT", path, {"password": secret})).status == 204
    assert (await browser.open("/echo/")).status == 302
    for wrong, status, detail in (
        ({"password": "short"}, 422, "password: has 8 characters or more"),
        ({"password": "x" * 1025}, 422, "password: has 1024 bytes at most"),
        ({"password": 7}, 422, "The body"),
        ({}, 422, "The body"),
        ({"password": secret, "hash": "x"}, 422, "The body"),
    ):
        refused = await call("PUT", path, wrong)
        assert (refused.status, refused.json()["detail"].startswith(detail)) == (status, True), wrong
    assert (await call("PUT", "/v1/users/nobody/password", {"password": secret})).status == 404
    assert (await call("PUT", path, {"password": None})).status == 204
    assert await signs_in(secret) is None
    entries = (await call("GET", "/v1/audit?kind=user&limit=10")).json()["rows"]
    changed = [each["operation"] for each in entries if each["id"] == "ann-1" and "password" in each["operation"]]
    assert changed == ["password removed", *["password set"] * 3]
    for text in (json.dumps(entries).encode(), gateway.log()):
        assert secret.encode() not in text
        assert b"argon2" not in text


async def test_a_session_that_nobody_uses_ends(both: Both, examples: Examples, folder: Path) -> None:
    gateway, _ = both
    browser, long_ago = CookieBrowser(gateway.port), datetime.now(UTC) - timedelta(hours=25)
    for used_at, status in ((long_ago + timedelta(hours=2), 200), (long_ago, 302)):
        state = await form_in(browser)
        assert (await post(browser, OURS, state=state, login="joe", password=PASSWORD)).status == 303
        session_id = session_in(browser)
        async with open_current(examples.described(folder)["url"]) as directory, directory.changing() as connection:
            used = {"last_activity_at": used_at}
            await connection.execute(update(sessions).where(sessions.c.id == session_id).values(used))
        opened = await browser.open("/echo/")
        assert (opened.status, opened.one(b"Set-Cookie")) == (status, None)
        browser.cookies.clear()


def session_in(browser: CookieBrowser) -> str:
    """Return the id of the session that the browser's cookie names; it lasts a week, whoever renews it or not."""
    claims = jwt.decode(browser.cookies[COOKIE], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == pytest.approx(7 * 86400, abs=2)
    return str(claims["sid"])
