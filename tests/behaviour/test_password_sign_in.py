"""People sign in by a form of ours: guesses are slow, few, and tell nobody who is known."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import pytest_asyncio
from sqlalchemy import update

from gateway.directory.changes import tell_nobody
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.password_operations import set_password
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.password_hashing import PasswordHashing
from gateway.directory.schema import open_current
from gateway.directory.tables import sessions
from gateway.telemetry.audit import Actor
from gateway.wiring.process import Process
from tests.support.clients.admin_client import AdminClient
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
async def offering(
    examples: Examples, folder: Path, prepare: Callable[[Process], None] = lambda _: None, **keys: Any
) -> AsyncIterator[Both]:
    """Run a gateway whose one provider is the form; `prepare` is handed its process."""
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
        people = {"kind": "password", "title": "Password", "logins": ["rocketchat", "memghost"], **limits}
        whole["session_info"] = [{"dialect": "memghost", "credentials": ["token"], "actions": ["logout", "refresh"]}]
        whole["sessions"] = {}
        whole["trusted_proxies"] = ["127.0.0.1/32"]
        providers = {"people": people | keys}
        whole["sign_in"] = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
        async with serving(whole, folder, prepare) as gateway:
            yield gateway, upstream


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("passwords")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(examples: Examples, folder: Path) -> AsyncIterator[Both]:
    async with offering(examples, folder) as running:
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


async def in_json(port: int, path: str, body: object, *lines: str) -> RawResponse:
    """Post JSON as a program does."""
    sent = json.dumps(body).encode()
    return await CookieBrowser(port).open(path, "Content-Type: application/json", *lines, method="POST", body=sent)


@pytest.mark.parametrize("prefix", ["/auth", "/api/v1/auth"])
async def test_memghosts_clients_sign_in_by_the_same_password(both: Both, prefix: str) -> None:
    gateway, upstream = both
    for login in ("joe", "joe@example.com"):
        answer = await in_json(gateway.port, f"{prefix}/login", {"username": login, "password": PASSWORD})
        tokens = answer.json()
        assert (answer.status, answer.one(b"Location")) == (202, f"{prefix}/session".encode())
        assert answer.one(b"Cache-Control") == b"no-store"
        assert sorted(tokens) == ["access_token", "expires_in", "refresh_token", "token_type"]
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
        bearer = f"Authorization: Bearer {tokens['access_token']}"
        browser = CookieBrowser(gateway.port)
        session = (await browser.open(f"{prefix}/session", bearer)).json()
        assert (session["user_id"], session["state"]) == ("joe-1", "active")
        assert (await browser.open("/echo/", bearer)).status == 200
        assert upstream.requests[-1].one(b"X-User-Id") == b"joe-1"
        renewed = await in_json(gateway.port, f"{prefix}/refresh", {"refresh_token": tokens["refresh_token"]})
        assert renewed.status == 202
        out = await in_json(gateway.port, f"{prefix}/logout", {}, bearer)
        assert out.status == 202
        for token in (tokens["access_token"], renewed.json()["access_token"]):
            assert (await browser.open("/echo/", f"Authorization: Bearer {token}")).status == 401
        assert browser.cookies == {}


async def test_memghosts_clients_hear_why_not_in_its_words(both: Both) -> None:
    port = both[0].port
    for login, password in WRONG:
        refused = await in_json(port, "/auth/login", {"username": login, "password": password})
        assert (refused.status, refused.json()) == (
            401,
            {"error": "unauthorized", "message": "Invalid username or password"},
        )
    for body in ({"username": "joe"}, {"username": 7, "password": PASSWORD}, [], None, {"username": "j" * 2000}):
        refused = await in_json(port, "/auth/login", body)
        assert (refused.status, refused.json()["error"]) == (400, "invalid_request"), body
    form = urlencode({"username": "joe", "password": PASSWORD}).encode()
    assert (await CookieBrowser(port).open("/auth/login", FORM, method="POST", body=form)).status == 400
    other = await CookieBrowser(port).open("/auth/login")
    assert (other.status, other.one(b"Allow"), other.json()["error"]) == (405, b"POST", "invalid_request")


async def test_guesses_are_counted_three_ways_and_nobody_is_locked_out_for_ever(
    examples: Examples, tmp_path: Path
) -> None:
    passed = 0.0

    def prepare(process: Process) -> None:
        clock = process.now
        process.now = lambda: clock() + passed

    counts = {"per_name_and_address": 2, "per_name": 3, "per_address": 4}
    limits = {name: {"rate": "1/h", "burst": burst} for name, burst in counts.items()}
    async with offering(examples, tmp_path, prepare, **limits) as (gateway, _):

        async def guess(address: str, login: str, path: str = "/auth/login", password: str = "wrong") -> RawResponse:
            body = {"username": login, "password": password}
            return await in_json(gateway.port, path, body, f"X-Forwarded-For: 192.0.2.{address}")

        assert [(await guess("1", "joe")).status for _ in range(3)] == [401, 401, 429]  # this name from this address
        rocketchat = "/api/v1/login"
        assert [(await guess("2", "JOE", rocketchat)).status for _ in range(2)] == [401, 429]  # this name from anywhere
        assert [(await guess("1", name)).status for name in ("a", "b", "c")] == [401, 401, 429]  # from this address
        assert (await guess("3", "c")).status == 401
        refused = await guess("2", "joe", password=PASSWORD)
        assert (refused.status, refused.json()["error"]) == (429, "rate_limit_exceeded")
        assert "[error-too-many-requests]" in (await guess("2", "joe", rocketchat)).json()["error"]
        passed = float(refused.one(b"Retry-After") or b"nothing")
        assert 0 < passed <= 3600
        assert (await guess("2", "joe", password=PASSWORD)).status == 202


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
