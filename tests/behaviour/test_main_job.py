"""The main job: a request with a credential goes through, and the upstream is told who calls."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import (
    BEARER_SESSION,
    COOKIE_SESSION,
    LOGIN_TOKEN,
    ORGANIZATION_KEY,
    PROJECT_KEY,
    USER_ID,
    USER_KEY,
    Examples,
    Gateway,
    serving_examples,
)
from tests.support.servers.recording_upstream import RecordingUpstream

Both = tuple[Gateway, RecordingUpstream]


@pytest.fixture
async def both(examples: Examples, tmp_path: Path) -> AsyncIterator[Both]:
    async with serving_examples(examples, tmp_path) as running:
        yield running


async def ask(gateway: Gateway, path: bytes, kind: str, *more: bytes, method: bytes = b"GET") -> RawResponse:
    lines = b"\r\n".join((gateway.showing(kind), *more))
    raw = method + b" " + path + b" HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n" + lines + b"\r\n\r\n"
    return await exchange(gateway.port, raw)


JOHN = {
    b"X-User-Id": b"550e8400-e29b-41d4-a716-446655440002",
    b"X-User-Email": b"user@example.com",
    b"X-User-Name": b"John Doe",
    b"X-Org-Id": b"org_abc123xyz456",
    b"X-Org-Name": b"Acme Corp",
    b"X-Org-Role": b"admin",
    b"X-Auth-Method": b"api_key",
}
TOLD = {
    "project key": JOHN
    | {b"X-Project-Id": b"proj_abc123xyz456", b"X-Api-Key-Id": b"550e8400-e29b-41d4-a716-446655440003"},
    "organization key": JOHN | {b"X-Api-Key-Id": b"550e8400-e29b-41d4-a716-446655440005"},
    "bearer": {
        b"X-Session-Id": BEARER_SESSION.encode(),
        b"X-User-Id": b"223e4567-e89b-12d3-a456-426614174001",
        b"X-Auth-Method": b"bearer",
    },
    "cookie": {
        b"X-Session-Id": COOKIE_SESSION.encode(),
        b"X-User-Id": b"user_456789123",
        b"X-User-Email": b"john.doe@example.com",
        b"X-Org-Id": b"org_123456789",
        b"X-Org-Name": b"Acme Corporation",
        b"X-Org-Role": b"member",
        b"X-Workspace-Id": b"workspace_987654321",
        b"X-Auth-Method": b"cookie",
    },
    "pair": {
        b"X-Session-Id": b"rBk3bZ8vJ2sQeT5wX",
        b"X-User-Id": USER_ID.encode(),
        b"X-User-Roles": b"user,admin,livechat-agent,livechat-manager",
        b"X-Auth-Method": b"token_pair",
    },
    "nobody": {},
}
IDENTITY = frozenset(name for told in TOLD.values() for name in told) | {b"X-Identity-Token"}


@pytest.mark.parametrize("kind", list(TOLD))
async def test_the_upstream_is_told_who_calls_and_nothing_else(both: Both, kind: str) -> None:
    gateway, upstream = both
    response = await ask(gateway, b"/optional/a?b=c", kind)
    assert (response.status, response.body) == (200, b"ok")
    (request,) = upstream.requests
    assert request.target == b"/optional/a?b=c"
    assert {name: value for name, value in request.headers if name in IDENTITY} == TOLD[kind]


@pytest.mark.parametrize("kind", list(TOLD))
async def test_no_credential_reaches_the_upstream_or_the_log(both: Both, kind: str) -> None:
    gateway, upstream = both
    await ask(gateway, b"/optional/", kind)
    for secret in (PROJECT_KEY, USER_KEY, ORGANIZATION_KEY, LOGIN_TOKEN, gateway.bearer, gateway.cookie):
        assert secret.encode() not in upstream.requests[0].raw
        assert secret.encode() not in gateway.log()
    if kind == "cookie":
        assert upstream.requests[0].all(b"cookie") == [b"theme=dark; lang=en"]


FORGED = (
    b"X-User-Id: forged",
    b"x_user_roles: forged",
    b"X.Org.Id: forged",
    b"X-SESSION-ID: forged",
    b"X-Identity-Token: forged",
    b"X-Forwarded-For: forged",
    b"Forwarded: for=forged",
    b"X-Real-IP: forged",
    b"X-Original-URL: /forged",
    b"Connection: close, X-User-Id, X-Auth-Method, X-Forwarded-For",
)


@pytest.mark.parametrize("path", [b"/echo/", b"/optional/", b"/public/", b"/admin/"])
@pytest.mark.parametrize("method", [b"GET", b"POST", b"OPTIONS", b"HEAD"])
async def test_forged_headers_never_arrive(both: Both, path: bytes, method: bytes) -> None:
    gateway, upstream = both
    lines = b"\r\n".join((b"X-Api-Key: " + PROJECT_KEY.encode(), *FORGED))
    raw = method + b" " + path + b" HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n" + lines + b"\r\n\r\n"
    response = await exchange(gateway.port, raw, head=method == b"HEAD")
    assert response.status == 200
    (request,) = upstream.requests
    assert b"forged" not in request.raw
    if path != b"/public/":
        assert request.all(b"x-auth-method") == [b"api_key"]
        assert request.all(b"x-user-id") == [JOHN[b"X-User-Id"]]
    assert request.all(b"x-forwarded-for") == [b"127.0.0.1"]


async def test_roles_are_judged(both: Both) -> None:
    gateway, upstream = both
    assert (await ask(gateway, b"/admin/", "project key")).status == 200
    refused = await ask(gateway, b"/admin/", "member's key")
    assert refused.status == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (b"/echo/", 401, "unauthenticated"),
        (b"/nowhere", 404, "not_found"),
        (b"/echo/%2e%2e/admin/", 400, "malformed_request"),
    ],
)
async def test_refusals_have_one_shape_and_never_reach_the_upstream(
    both: Both, path: bytes, status: int, code: str
) -> None:
    gateway, upstream = both
    response = await ask(gateway, path, "nobody")
    error = response.json()["error"]
    assert (response.status, error["status"], error["code"]) == (status, status, code)
    assert set(error) == {"code", "message", "status", "request_id"}
    assert response.one(b"content-type") == b"application/json"
    assert (response.one(b"www-authenticate") is not None) is (status == 401)
    assert upstream.requests == []
    (line,) = [json.loads(each) for each in gateway.log().splitlines()]
    assert line["request_id"] == error["request_id"]


async def test_bodies_go_through_both_ways(both: Both) -> None:
    gateway, upstream = both
    body = bytes(range(256)) * 4096
    for framing, payload in (
        (b"Content-Length: %d" % len(body), body),
        (b"Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)),
    ):
        raw = b"POST /public/up HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + payload
        assert (await exchange(gateway.port, raw)).status == 200
    assert [request.body for request in upstream.requests] == [body, body]


async def test_the_composio_document_comes_back_field_for_field(both: Both, examples: Examples, tmp_path: Path) -> None:
    del both
    sections = {"session_info": [{"dialect": "composio", "credentials": ["project_key", "user_key", "org_key"]}]}
    (tmp_path / "own").mkdir()
    async with serving_examples(examples, tmp_path / "own", **sections) as (gateway, _):
        answer = (await ask(gateway, b"/api/v3/auth/session/info", "project key")).json()
        nobody = await ask(gateway, b"/api/v3/auth/session/info", "nobody")
    assert answer["project"]["org"] == {"id": "org_abc123xyz456", "name": "Acme Corp", "plan": "BUSINESS"}
    assert answer["api_key"]["key"] == PROJECT_KEY
    assert answer["org_member"] == {
        "id": "550e8400-e29b-41d4-a716-446655440002",
        "email": "user@example.com",
        "name": "John Doe",
        "role": "admin",
    }
    assert (nobody.status, nobody.json()["error"]["code"]) == (401, 10401)


async def test_the_admin_port_tells_what_was_done(both: Both) -> None:
    gateway, upstream = both
    for path, kind in ((b"/echo/", "project key"), (b"/echo/", "project key"), (b"/admin/", "member's key")):
        await ask(gateway, path, kind)
    text = (await exchange(gateway.admin_port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).body
    for line in (
        b'gateway_requests_total{decision="allowed",endpoint="proxy",method="GET",route="echo",status="200"} 2.0',
        b'gateway_requests_total{decision="refused",endpoint="proxy",method="GET",route="admin",status="403"} 1.0',
        b'gateway_resolutions_total{outcome="found",tier="authority"} 2.0',
        b'gateway_resolutions_total{outcome="found",tier="memory"} 1.0',
        b"gateway_requests_in_flight 0.0",
        b'gateway_upstream_seconds_count{upstream="http://127.0.0.1:%d"} 2.0' % upstream.port,
    ):
        assert line in text.splitlines()
    for path, status in ((b"/healthz", 200), (b"/readyz", 200), (b"/nothing", 404)):
        raw = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert (await exchange(gateway.admin_port, raw)).status == status


async def test_the_state_of_a_trace_goes_with_that_trace_alone(both: Both) -> None:
    gateway, upstream = both
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    state = (b"tracestate: one=1", b"tracestate: two=2")
    await ask(gateway, b"/public/", "nobody", b"traceparent: " + parent, *state)
    await ask(gateway, b"/public/", "nobody", b"traceparent: broken", *state)
    await ask(gateway, b"/public/", "nobody", *state)
    continued, begun, none = upstream.requests
    assert (continued.all(b"traceparent"), continued.all(b"tracestate")) == ([parent], [b"one=1,two=2"])
    assert [request.all(b"tracestate") for request in (begun, none)] == [[], []]
