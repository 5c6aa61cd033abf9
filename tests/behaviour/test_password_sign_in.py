"""People sign in by a form of ours: guesses are slow, few, and tell nobody who is known."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from gateway.directory.changes import tell_nobody
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.password_operations import set_password
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.password_hashing import PasswordHashing
from gateway.directory.schema import open_current
from gateway.telemetry.audit import Actor
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse
from tests.support.fakes.audited import Audited
from tests.support.gateways.serving import READERS, Examples, Gateway, config, serving
from tests.support.gateways.signing_in import COOKIE, READER
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/_gateway/sign-in/password/people"
OURS = "Origin: http://app.test"
FORM = "Content-Type: application/x-www-form-urlencoded"
PASSWORD = "correct horse"
WRONG = (("joe", "wrong"), ("nobody", PASSWORD), ("another", PASSWORD), ("", ""))
Both = tuple[Gateway, RecordingUpstream]


@contextlib.asynccontextmanager
async def offering(examples: Examples, folder: Path, **keys: Any) -> AsyncIterator[Both]:
    """Run a gateway whose one provider is the form."""
    accounts = examples.settings(folder)
    async with open_current(accounts["url"]) as directory:
        now = datetime.now(UTC)
        context = OperationContext(
            directory=directory, now=now, actor=Actor("command"), on_change=tell_nobody, audit=Audited().log
        )
        user = await create_user(context, NewUser(id="joe-1", username="joe", email="joe@example.com"))
        await create_user(context, NewUser(id="joe-2", username="another"))
        await set_password(context, user.id, await PasswordHashing().hash(PASSWORD))
    async with recording_upstream() as upstream:
        whole = config(upstream.port, accounts)
        whole["credentials"] = READERS | READER
        limit = {"rate": "1000/s", "burst": 1000}
        limits = dict.fromkeys(("per_name_and_address", "per_name", "per_address"), limit)
        people = {"kind": "password", "title": "Password", "rocketchat": True, **limits}
        providers = {"people": people | keys}
        whole["sign_in"] = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
        async with serving(whole, folder) as gateway:
            yield gateway, upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    async with offering(examples, tmp_path_factory.mktemp("passwords")) as running:
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
    async with offering(examples, tmp_path, per_name_and_address=few) as (gateway, _):
        browser = CookieBrowser(gateway.port)
        state = await form_in(browser)
        guesses = [await post(browser, OURS, state=state, login="joe", password=f"guess {n}") for n in range(4)]
        assert [guess.status for guess in guesses] == [403, 403, 403, 429]
        assert int(guesses[-1].one(b"Retry-After") or b"0") > 0
        for login in ("JOE", "joe"):
            assert (await post(browser, OURS, state=state, login=login, password=PASSWORD)).status == 429
        assert (await post(browser, OURS, state=state, login="joe@example.com", password=PASSWORD)).status == 303


async def test_rocket_chats_clients_sign_in_by_the_same_password(both: Both) -> None:
    gateway, upstream = both
    browser = CookieBrowser(gateway.port)
    for kind, body in (
        (FORM, urlencode({"username": "joe", "password": PASSWORD})),
        ("Content-Type: application/json", json.dumps({"user": "joe@example.com", "password": PASSWORD})),
    ):
        answer = await browser.open("/api/v1/login", kind, method="POST", body=body.encode())
        data = answer.json()["data"]
        assert (answer.status, answer.json()["status"], data["userId"]) == (200, "success", "joe-1")
        assert data["me"]["username"] == "joe"
        pair = (f"X-User-Id: {data['userId']}", f"X-Auth-Token: {data['authToken']}")
        assert (await browser.open("/echo/", *pair)).status == 200
        assert upstream.requests[-1].one(b"X-Auth-Method") == b"token_pair"
    assert browser.cookies == {}
    for wrong in ({"user": "joe", "password": "wrong"}, {"user": "nobody", "password": PASSWORD}, {"user": "joe"}, []):
        refused = await browser.open(
            "/api/v1/login", "Content-Type: application/json", method="POST", body=json.dumps(wrong).encode()
        )
        assert (refused.status, refused.json()["error"]) == (401, "Unauthorized")
    assert (await browser.open("/api/v1/login")).status == 405
