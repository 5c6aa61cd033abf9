"""The admin API from outside: who may call it, and what it says of calls that cannot be done."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.admin_client import AdminClient
from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.serving import (
    ADMIN_TOKEN,
    LOGIN_TOKEN,
    PROJECT_KEY,
    USER_ID,
    Examples,
    Gateway,
    serving_examples,
)

ADMIN = {
    "credentials": ["pair", "cookie", "project_key", "token"],
    "roles": {
        "admin": ["routes.read", "explain.read"],
        "livechat-agent": ["state.read"],
        "nobody": ["revocations.create"],
    },
    "origins": ["https://console.example.com"],
}
PAIR = f"X-User-Id: {USER_ID}\r\nX-Auth-Token: {LOGIN_TOKEN}"


@pytest.fixture
async def gateway(examples: Examples, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with serving_examples(examples, tmp_path, admin=ADMIN) as (running, _):
        yield running


@pytest.fixture
def call(gateway: Gateway) -> AdminClient:
    return AdminClient(gateway.admin_port)


async def document(call: AdminClient) -> dict[str, Any]:
    read: dict[str, Any] = (await call.showing("")("GET", "/v1/openapi.json")).json()
    return read


async def test_every_operation_refuses_who_is_nobody_and_who_is_not_allowed(call: AdminClient) -> None:
    """Each endpoint of the document is asked by each caller; what it answers is what the roles say."""
    callers = {
        "nobody": ("", set()),
        "a wrong token": (f"Authorization: Bearer {ADMIN_TOKEN}x", set()),
        "a project's key, which has no scopes": (f"X-Api-Key: {PROJECT_KEY}", set()),
        "a user with roles": (PAIR, {"routes.read", "explain.read", "state.read"}),
    }
    seen = set()
    for path, methods in (await document(call))["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue
            needed = operation["description"].split("`")[1]
            for name, (credential, permissions) in callers.items():
                answer = await call.showing(credential)(method.upper(), path.replace("{id}", "x"), {})
                refused = answer.status in {401, 403}
                assert refused == (needed not in permissions), (name, method, path, answer.status)
                if refused:
                    assert answer.one(b"content-type") == b"application/problem+json"
                    assert (answer.one(b"www-authenticate") is not None) == (answer.status == 401)
            seen.add(needed)
    assert {"routes.read", "explain.read", "state.read", "revocations.create", "revocations.read"} <= seen


async def test_the_person_is_named_in_the_audit_log(call: AdminClient, gateway: Gateway) -> None:
    assert (await call("GET", "/v1/routes")).status == 200
    assert (await call.showing(PAIR)("GET", "/v1/state")).status == 200
    assert (await call.showing(PAIR)("POST", "/v1/revocations", {"user": "u"})).status == 403
    assert (await call.showing("")("GET", "/v1/routes")).status == 401
    lines = [json.loads(line) for line in gateway.log().splitlines() if b'"log":"audit"' in line]
    calls = [line for line in lines if line["event"] == "admin_call"]
    told = [(line["detail"], line["outcome"], line.get("user"), line.get("credential")) for line in calls]
    assert told == [
        ("list_routes", "done", None, "admin_token"),
        ("show_state", "done", USER_ID, "token_pair"),
        ("revoke", "refused", USER_ID, "token_pair"),
        ("list_routes", "refused", None, None),
    ]


async def test_a_cookie_changes_nothing_on_behalf_of_a_foreign_page(call: AdminClient, gateway: Gateway) -> None:
    by_cookie = call.showing(f"Cookie: __session={gateway.cookie}")
    for origin, code in (
        ("", "foreign_origin"),
        ("Origin: https://evil.example", "foreign_origin"),
        ("Origin: null", "foreign_origin"),
        ("Origin: http://admin", "no_permission"),
        ("Origin: https://console.example.com", "no_permission"),
    ):
        answer = await by_cookie("POST", "/v1/revocations", {"user": "u"}, *([origin] if origin else []))
        assert (answer.status, answer.json()["code"]) == (403, code), origin


@pytest.mark.parametrize(
    ("method", "path", "body", "fields", "status"),
    [
        ("GET", "/v1/nothing", None, (), 404),
        ("GET", "/v1/", None, (), 404),
        ("GET", "/v1/%72outes", None, (), 404),
        ("GET", "/v1/routes/", None, (), 404),
        ("DELETE", "/v1/routes", None, (), 405),
        ("GET", "/v1/routes?a=1", None, (), 400),
        ("POST", "/v1/explain", b"{", (), 400),
        ("POST", "/v1/explain", b"\xff", (), 400),
        ("POST", "/v1/explain", b"[" * 5000, (), 422),
        ("POST", "/v1/explain", [], (), 422),
        ("POST", "/v1/explain", {"url": 1}, (), 422),
        ("POST", "/v1/explain", {"url": "/", "more": 1}, (), 422),
        ("POST", "/v1/explain", {"url": "/"}, ("Content-Type: text/plain",), 415),
        ("POST", "/v1/explain", {"url": "x" * 70_000}, (), 413),
        ("POST", "/v1/revocations", {}, (), 422),
        ("POST", "/v1/revocations", {"user": "a", "session": "b"}, (), 422),
        ("POST", "/v1/revocations", {"user": "a\n"}, (), 422),
    ],
)
async def test_every_error_is_a_problem(
    call: AdminClient, method: str, path: str, body: Any, fields: tuple[str, ...], status: int
) -> None:
    answer = await call(method, path, body, *fields)
    assert (answer.status, answer.one(b"content-type")) == (status, b"application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "code", "detail", "request_id"}
    assert (answer.one(b"allow") is not None) == (status == 405)


async def test_a_body_that_never_ends_is_given_up_when_it_is_too_long(gateway: Gateway) -> None:
    head = (
        f"POST /v1/explain HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\nContent-Type: application/json"
    )
    async with raw_client(gateway.admin_port) as client:
        await client.send(f"{head}\r\nContent-Length: 99999999\r\n\r\n".encode() + b" " * 70_000)
        assert (await client.response()).status == 413


async def test_what_did_not_change_is_not_sent_again(call: AdminClient) -> None:
    first = await call("GET", "/v1/routes")
    etag = (first.one(b"etag") or b"").decode()
    for value, status in ((etag, 304), (f'"x", {etag}', 304), (f"W/{etag}", 304), ("*", 304), ('"x"', 200)):
        answer = await call("GET", "/v1/routes", None, f"If-None-Match: {value}")
        assert (answer.status, answer.one(b"etag")) == (status, etag.encode())


async def test_routes_and_their_overlaps_are_shown_as_loaded(call: AdminClient) -> None:
    rows = (await call("GET", "/v1/routes")).json()["rows"]
    assert [(row["name"], row["access"]) for row in rows][:2] == [("echo", "required"), ("public", "public")]
    assert "admin" in json.dumps(rows[3]["require"])


async def test_a_request_is_explained_and_its_secrets_are_not_shown(call: AdminClient) -> None:
    headers = [["X-User-Id", USER_ID], ["X-Auth-Token", LOGIN_TOKEN], ["Host", "gateway.test"]]
    answer = await call("POST", "/v1/explain", {"url": "/admin/x", "headers": headers})
    told = answer.json()
    assert (told["allowed"], told["route"], told["credential"]["kind"]) == (True, "admin", "token_pair")
    assert ["X-User-Id", USER_ID] in told["headers"]
    assert LOGIN_TOKEN.encode() not in answer.body
    refused = (await call("POST", "/v1/explain", {"url": "/echo/"})).json()
    assert (refused["allowed"], refused["status"], refused["rule"]) == (False, 401, "access")
    assert (await call("POST", "/v1/explain", {"url": "/a\\b"})).json()["status"] == 400


async def test_the_state_says_what_is_wrong(call: AdminClient) -> None:
    state = (await call("GET", "/v1/state")).json()
    assert (state["workers"], state["redis"], state["problems"]) == (1, None, [])
    assert {"name": "accounts", "up": True} in state["authorities"]


async def test_a_revocation_ends_a_session_and_is_remembered(call: AdminClient, gateway: Gateway) -> None:
    by_pair = AdminClient(gateway.port, PAIR)
    assert (await by_pair("GET", "/echo/")).status == 200
    made = await call("POST", "/v1/revocations", {"user": USER_ID})
    assert (made.status, made.json()["kind"], made.json()["id"]) == (201, "user", USER_ID)
    assert (await by_pair("GET", "/echo/")).status == 401
    rows = (await call("GET", "/v1/revocations")).json()["rows"]
    assert [(row["kind"], row["id"]) for row in rows] == [("user", USER_ID)]


async def test_the_api_is_not_on_the_public_port(gateway: Gateway) -> None:
    for path in ("/v1/routes", "/v1/openapi.json", "/v1/users"):
        assert (await AdminClient(gateway.port)("GET", path)).status == 404


async def test_on_the_public_port_it_is_at_its_host_alone_and_never_by_the_admin_token(
    examples: Examples, tmp_path: Path
) -> None:
    admin = {**ADMIN, "host": "admin.test"}
    async with serving_examples(examples, tmp_path, admin=admin) as (gateway, _):
        asked = {}
        for host in ("admin.test", "gateway.test"):
            for name, credential in (("owner", f"Authorization: Bearer {ADMIN_TOKEN}"), ("pair", PAIR)):
                for path in ("/v1/state", "/", "/metrics", "/revoke", "/v1/nothing"):
                    raw = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{credential}\r\n\r\n"
                    asked[host, name, path] = (await exchange(gateway.port, raw.encode())).status
    assert {status for (host, *_), status in asked.items() if host == "gateway.test"} == {404}
    assert (asked["admin.test", "owner", "/v1/state"], asked["admin.test", "pair", "/v1/state"]) == (401, 200)
    assert (asked["admin.test", "pair", "/"], asked["admin.test", "owner", "/metrics"]) == (200, 404)
    assert (asked["admin.test", "owner", "/revoke"], asked["admin.test", "owner", "/v1/nothing"]) == (404, 404)
