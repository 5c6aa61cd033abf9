"""Products' own clients sign in by the passwords of the form, in the products' words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from gateway.wiring.process import Process
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.password_people import (
    FORM,
    OURS,
    PASSWORD,
    WRONG,
    Both,
    in_json,
    signing_in_by_password,
)
from tests.support.gateways.serving import Examples

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    async with signing_in_by_password(examples, tmp_path_factory.mktemp("logins")) as running:
        yield running


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


async def test_memghosts_clients_may_call_the_name_an_address(both: Both) -> None:
    body = {"email": "joe@example.com", "password": PASSWORD}
    assert (await in_json(both[0].port, "/auth/login", body)).status == 202


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


LOGINS = {"/api/v1/login": ("user", 200, 401), "/auth/login": ("username", 202, 400)}
"""Path of a product's login -> its key for the name, and its answers to a good login and to none."""


async def test_a_name_and_a_password_of_odd_characters_are_wrong_ones(both: Both) -> None:
    for path, login, password in (
        ("/auth/login", "joe\0", PASSWORD),
        ("/api/v1/login", "\0", PASSWORD),
        ("/auth/login", "j" * 1024, PASSWORD),
        ("/api/v1/login", "joe", f"{PASSWORD}\0"),
        ("/auth/login", "joe", "a" + "\u0301" * 1000),
    ):
        assert (await in_json(both[0].port, path, {LOGINS[path][0]: login, "password": password})).status == 401
    assert (await in_json(both[0].port, "/auth/login", {"username": "Joe", "password": PASSWORD})).status == 202


@pytest.mark.parametrize("path", LOGINS)
async def test_what_is_no_login_is_answered_in_the_products_words(both: Both, path: str) -> None:
    gateway, (key, _, none) = both[0], LOGINS[path]
    browser, kind = CookieBrowser(gateway.port), "Content-Type: application/json"
    joe = {key: "joe", "password": PASSWORD}
    for body in (
        *({key: "joe"}, {"password": PASSWORD}, {}, [joe], "joe", 7, None),
        *(
            joe | {"password": each}
            for each in (None, 7, True, [PASSWORD], {"digest": "0" * 64, "algorithm": "sha-256"})
        ),
        *(joe | {key: each} for each in (None, 7, ["joe"])),
        *(joe | {"password": "x" * 1025}, joe | {key: "x" * 1025}),
    ):
        refused = await in_json(gateway.port, path, body)
        assert (refused.status, b"error" in refused.body) == (none, True), body
    for raw in (b"", b"{", b"\xff", b'{"%s":"joe","password":"\\ud800"}' % key.encode(), b"[" * 30_000, b"x" * 70_000):
        refused = await browser.open(path, kind, method="POST", body=raw)
        assert (refused.status, refused.one(b"Content-Type")) == (none, b"application/json")
    for line in ("Content-Type: text/plain", "Content-Type: multipart/form-data; boundary=x", "X-None: none"):
        refused = await browser.open(path, line, method="POST", body=json.dumps(joe).encode())
        assert refused.status == none, line
    twice = await browser.open(path, kind, kind, method="POST", body=json.dumps(joe).encode())
    assert twice.status == 400
    assert browser.cookies == {}


@pytest.mark.parametrize("path", LOGINS)
async def test_login_csrf_a_foreign_page_signs_nobody_in_at_a_products_login(both: Both, path: str) -> None:
    key, good, _ = LOGINS[path]
    body = {key: "joe", "password": PASSWORD}
    for lines in (["Origin: https://evil.example"], ["Origin: null"], [OURS, "Origin: https://evil.example"]):
        refused = await in_json(both[0].port, path, body, *lines)
        assert (refused.status, b"error" in refused.body) == (403, True), lines
        assert refused.one(b"Access-Control-Allow-Origin") is None
    asked = await CookieBrowser(both[0].port).open(
        path, "Origin: https://evil.example", "Access-Control-Request-Method: POST", method="OPTIONS"
    )
    assert (asked.status, asked.one(b"Access-Control-Allow-Origin")) == (405, None)
    assert (await in_json(both[0].port, path, body, OURS)).status == good


async def test_rocket_chats_clients_name_users_in_more_than_one_way(both: Both) -> None:
    for named in (
        {"user": {"username": "joe"}},
        {"user": {"email": "joe@example.com"}},
        {"username": "joe", "code": "123456"},
        {"email": "joe@example.com", "totp": {"code": "1"}},
        {"user": "joe", "username": "nobody", "ldap": True, "ldapOptions": {}},
    ):
        answer = await in_json(both[0].port, "/api/v1/login", named | {"password": PASSWORD}, "X-2fa-Code: 123456")
        assert (answer.status, answer.json()["data"]["userId"]) == (200, "joe-1"), named
        assert answer.json()["data"]["me"] == {
            "_id": "joe-1",
            "roles": [],
            "username": "joe",
            "emails": [{"address": "joe@example.com", "verified": False}],
        }
    resumed = await in_json(both[0].port, "/api/v1/login", {"resume": answer.json()["data"]["authToken"]})
    assert (resumed.status, resumed.json()["error"]) == (401, "Unauthorized")


async def test_the_logins_are_in_the_openapi_document(both: Both) -> None:
    paths = (await CookieBrowser(both[0].port).open("/_gateway/openapi.json")).json()["paths"]
    for path, statuses in (
        ("/api/v1/login", ["200", "401", "403", "405", "429", "503"]),
        ("/auth/login", ["202", "400", "401", "403", "405", "429", "503"]),
    ):
        assert sorted(paths[path]["post"]["responses"]) == [*statuses, "default"]
        assert "requestBody" in paths[path]["post"]


async def test_guesses_are_counted_three_ways_and_nobody_is_locked_out_for_ever(
    examples: Examples, tmp_path: Path
) -> None:
    passed = 0.0

    def prepare(process: Process) -> None:
        clock = process.now
        process.now = lambda: clock() + passed

    counts = {"per_name_and_address": 2, "per_name": 3, "per_address": 4}
    limits = {name: {"rate": "1/h", "burst": burst} for name, burst in counts.items()}
    async with signing_in_by_password(examples, tmp_path, prepare, **limits) as (gateway, _):

        async def guess(address: str, login: str, path: str = "/auth/login", password: str = "wrong") -> RawResponse:
            body = {"username": login, "password": password}
            return await in_json(gateway.port, path, body, f"X-Forwarded-For: 192.0.2.{address}")

        for forged in ("joe\x00192.0.2.1", "\x00192.0.2.1", "192.0.2.1"):  # names that are no bucket of another's
            assert (await guess("9", forged)).status == 401
        assert [(await guess("1", "joe")).status for _ in range(3)] == [401, 401, 429]  # this name from this address
        rocketchat = "/api/v1/login"
        assert [(await guess("2", "JOE", rocketchat)).status for _ in range(2)] == [401, 429]  # this name from anywhere
        assert [(await guess("1", name)).status for name in ("a", "b", "c")] == [401, 401, 429]  # from this address
        assert (await guess("3", "c")).status == 401
        refused = await guess("2", "joe", password=PASSWORD)
        assert (refused.status, refused.json()["error"]) == (429, "rate_limit_exceeded")
        too_many = await guess("2", "joe", rocketchat)
        assert "[error-too-many-requests]" in too_many.json()["error"]
        assert (too_many.one(b"X-RateLimit-Limit"), too_many.one(b"X-RateLimit-Remaining")) == (b"2", b"0")
        assert int(too_many.one(b"X-RateLimit-Reset") or b"0") > 1000 * datetime.now(UTC).timestamp()
        passed = float(refused.one(b"Retry-After") or b"nothing")
        assert 0 < passed <= 3600
        assert (await guess("2", "joe", password=PASSWORD)).status == 202
