"""Behind real proxies, started with the files of deploy/: what passes, who the application is told of, what never does.

The matrix: each proxy times allowed, 401, 403, forged identity headers, forged accounts of the request, paths with two
readings, WebSockets, Redis down, gateway down.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.proxy_stand import HANDSHAKE, Stand, raw, standing
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, Examples
from tests.support.servers.proxies import KINDS
from tests.support.servers.recording_upstream import RecordedRequest

KEY = f"X-Api-Key: {PROJECT_KEY}"
MEMBER = f"X-Api-Key: {MEMBER_KEY}"
JOHN = b"550e8400-e29b-41d4-a716-446655440002"
IDENTITY = ("Session-Id", "User-Id", "User-Email", "User-Name", "User-Roles", "Org-Id", "Org-Name", "Org-Role")
MORE_IDENTITY = ("Workspace-Id", "Project-Id", "Api-Key-Id", "Auth-Method", "Identity-Token")
ALL_IDENTITY = tuple(f"X-{name}" for name in IDENTITY + MORE_IDENTITY)


def told(request: RecordedRequest) -> dict[str, bytes]:
    """Return what the application is told of the caller, under any spelling; empty headers tell nothing."""
    wanted = {name.lower().encode() for name in ALL_IDENTITY}
    spelled = ((name.lower().replace(b"_", b"-").replace(b".", b"-"), name, value) for name, value in request.headers)
    return {name.decode(): value for folded, name, value in spelled if folded in wanted and value}


@pytest.fixture(params=KINDS)
async def stand(request: pytest.FixtureRequest, examples: Examples, tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(request.param, examples, tmp_path) as running:
        yield running


async def test_the_matrix_of_decisions(stand: Stand) -> None:
    for target, lines, status in (
        ("/echo/a?b=c", (KEY,), 200),
        ("/echo/a", (), 401),
        ("/echo/a", ("X-Api-Key: nobody's",), 401),
        ("/echo/a", (KEY, KEY), 401),
        ("/admin/", (KEY,), 200),
        ("/admin/", (MEMBER,), 403),
        ("/public/", (), 200),
        ("/optional/", (), 200),
        ("/optional/", ("X-Api-Key: nobody's",), 401),
    ):
        response = await stand.ask(target, *lines)
        assert response.status == status, (target, lines)
        assert [request.target for request in stand.came()] == ([target.encode()] if status == 200 else [])
        if status == 401:
            assert response.one(b"WWW-Authenticate") is not None


async def test_methods_of_webdav_are_judged_and_carried(stand: Stand) -> None:
    for method in ("PROPFIND", "MKCOL", "REPORT", "LOCK", "SEARCH"):
        for target, lines, status in (("/echo/a", (KEY,), 200), ("/echo/a", (), 401), ("/admin/", (MEMBER,), 403)):
            assert (await stand.ask(target, *lines, method=method)).status == status, (method, target)
            assert [found.method.decode() for found in stand.came()] == ([method] if status == 200 else [])
    for method in ("propfind", "Delete", "TRACE"):
        assert (await stand.ask("/public/", method=method)).status >= 400, method
        assert stand.came() == []
    assert (await stand.ask("/echo/a", KEY, "Destination: /echo/b", method="MOVE")).status == 200
    assert (await stand.ask("/echo/a", KEY, "Destination: /admin/b", method="MOVE")).status == 403
    assert [found.method for found in stand.came()] == [b"MOVE"]


async def test_the_application_is_told_who_calls_and_is_shown_no_credential(stand: Stand) -> None:
    bearer = f"Authorization: Bearer {stand.gateway.bearer}"
    pair = ("X-User-Id: rbAXPnMktTFbNpwtJ", "X-Auth-Token: 1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE")
    for lines, method in (((KEY,), b"api_key"), ((bearer,), b"bearer"), (pair, b"token_pair")):
        assert (await stand.ask("/echo/a", *lines, method="POST")).status == 200
        (request,) = stand.came()
        assert request.method == b"POST"
        assert request.one(b"X-Auth-Method") == method
        for name in (b"X-Api-Key", b"Authorization", b"X-Auth-Token"):
            assert request.all(name) == []
        if method == b"api_key":
            assert request.all(b"X-User-Id") == [JOHN]
            assert request.all(b"X-User-Name") == [b"John Doe"]


async def test_the_session_cookie_is_cut_out_of_the_others(stand: Stand) -> None:
    ours = f"__session={stand.gateway.cookie}"
    for target in ("/echo/a", "/public/a"):
        for shown, left in (
            ((f"Cookie: a=1; {ours}; b=2",), b"a=1; b=2"),
            ((f"Cookie: {ours}",), b""),
            (("Cookie: a=1; b=2", KEY), b"a=1; b=2"),
            ((KEY,), b""),
        ):
            assert (await stand.ask(target, *shown)).status == 200
            (request,) = stand.came()
            assert b"; ".join(request.all(b"Cookie")) == left, (target, shown)


async def test_no_trailer_arrives(stand: Stand) -> None:
    trailing = ("Transfer-Encoding: chunked", "Trailer: X-User-Id, Remote-User", "Connection: close")
    body = b"5\r\nhello\r\n0\r\nX-User-Id: forged\r\nRemote-User: forged\r\n\r\n"
    assert (await exchange(stand.port, raw("POST", "/public/a", "app.test", *trailing) + body)).status == 200
    (request,) = stand.came()
    assert request.body == b"hello"
    assert b"forged" not in request.raw


async def test_a_forged_identity_never_arrives(stand: Stand) -> None:
    for name in ALL_IDENTITY:
        for target in ("/public/", "/optional/"):
            for spelled in (name, name.upper(), name.replace("-", "_"), name.replace("-", ".")):
                if spelled.lower() == "x-user-id" and target == "/optional/":
                    continue  # half a token pair: tried below
                await stand.ask(target, f"{spelled}: forged")
                assert [told(request) for request in stand.came()] in ([], [{}]), (spelled, target)
    await stand.ask("/echo/", KEY, *(f"{name}: forged" for name in ALL_IDENTITY))
    for request in stand.came():
        assert b"forged" not in told(request).values()
        assert request.all(b"X-User-Id") == [JOHN]


async def test_a_connection_field_cannot_delete_what_the_application_is_told(stand: Stand) -> None:
    async with raw_client(stand.port) as client:
        await client.send(raw("GET", "/echo/", "app.test", KEY, "Connection: close, X-User-Id, X-Auth-Method"))
        response = await client.response()
    for request in stand.came():
        assert (response.status, request.all(b"X-User-Id")) == (200, [JOHN])


ACCOUNTS = (
    "X-Forwarded-Uri: /public/",
    "X-Forwarded-Method: OPTIONS",
    "X-Forwarded-Host: other.test",
    "X-Original-URL: http://app.test/public/",
    "X-Original-URI: /public/",
    "X-Original-Method: OPTIONS",
    "X-Rewrite-URL: /public/",
    "X-Envoy-Original-Path: /public/",
    "X_Forwarded_Uri: /public/",
)


async def test_a_clients_own_account_of_what_it_asks_for_opens_nothing(stand: Stand) -> None:
    for account in ACCOUNTS:
        assert (await stand.ask("/admin/", account)).status in {400, 401, 403}, account
        assert (await stand.ask("/admin/", MEMBER, account)).status in {400, 403}, account
        assert stand.came() == []
    everything = (*ACCOUNTS, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https", "X-Real-IP: 127.0.0.1")
    assert (await stand.ask("/admin/", *everything)).status in {400, 401, 403}
    assert stand.came() == []


async def test_the_application_never_reads_a_clients_account(stand: Stand) -> None:
    for account in ACCOUNTS[:2]:
        await stand.ask("/public/", account.replace("/public/", "/forged"))
        name = account.partition(":")[0].encode()
        assert [request.all(name) for request in stand.came()] in ([], [[]])


TRICKS = (
    "/public/../admin/",
    "/public/%2e%2e/admin/",
    "/public/..%2fadmin/",
    "/public%2f..%2fadmin/",
    "/public/%5c..%5cadmin/",
    "/public/..;/admin/",
    "/public/.%2e/admin/",
    "/public//../admin/",
    "//admin/",
    "/./admin/",
    "/%61dmin/",
    "/admin%2f",
    "/public/%2e%2e%2fadmin/",
    "/public/..\\admin/",
    "/public/%00/../admin/",
    "/admin;x=/public/",
    "/public/?/../admin/",
    "/admin/?x=/public/",
    "/public/#/../admin/",
    "http://app.test/admin/",
)


def lands_at_admin(target: bytes) -> bool:
    """Tell whether an application of any school would serve its /admin/ for this target."""
    path = target.partition(b"?")[0].partition(b"#")[0].lower()
    for encoded, plain in (
        (b"%2e", b"."),
        (b"%2f", b"/"),
        (b"%5c", b"/"),
        (b"\\", b"/"),
        (b"%61", b"a"),
        (b"%00", b""),
    ):
        path = path.replace(encoded, plain)
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        name = segment.partition(b";")[0]
        if name == b"..":
            kept = kept[:-1]
        elif name not in {b"", b"."}:
            kept.append(name)
    return kept[:1] == [b"admin"]


async def test_a_path_with_two_readings_never_reaches_what_another_route_guards(stand: Stand) -> None:
    for target in TRICKS:
        for lines in ((), (MEMBER,)):
            response = await stand.ask(target, *lines)
            reached = [request.target for request in stand.came()]
            assert not any(map(lands_at_admin, reached)), (target, response.status, reached)


ODD = ("encoded_slashes", "empty_segments", "any_bytes")
OPEN = [
    {
        "name": "odd",
        "match": {"path": "/odd/"},
        "access": "public",
        "upstream": "http://127.0.0.1:1",
        **dict.fromkeys(ODD, True),
    },
    {"name": "public", "match": {"path": "/public/"}, "access": "public", "upstream": "http://127.0.0.1:1"},
    {"name": "admin", "match": {"path": "/admin/"}, "require": {"roles": ["admin"]}, "upstream": "http://127.0.0.1:1"},
]
ODD_PATHS = (
    "/odd/queues/%2F/a",
    "/odd/bucket/a//b",
    "/odd/%E9t%E9",
    "/odd/a%5Cb",
    "/odd/https%3A%2F%2Fexample.com%2Fx",
)


@pytest.mark.parametrize("kind", KINDS)
async def test_odd_paths_of_a_route_that_takes_them_arrive_as_they_came(
    kind: str, examples: Examples, tmp_path: Path
) -> None:
    async with standing(kind, examples, tmp_path, routes=OPEN) as stand:
        for path in ODD_PATHS:
            assert (await stand.ask(path)).status == 200, path
            assert [request.target for request in stand.came()] == [path.encode()]
            assert (await stand.ask(path.replace("/odd/", "/public/", 1))).status in {400, 403, 404} or stand.came()
            assert not any(map(lands_at_admin, (request.target for request in stand.came())))
        for path in (*TRICKS, *(trick.replace("/public/", "/odd/") for trick in TRICKS)):
            await stand.ask(path)
            assert not any(map(lands_at_admin, (request.target for request in stand.came()))), path


async def test_a_websocket_is_let_through_or_refused_before_it_begins(stand: Stand) -> None:
    async with raw_client(stand.port) as client:
        await client.send(raw("GET", "/echo/ws", "app.test", KEY, *HANDSHAKE))
        response = await client.head()
        assert response.status == 101
        await client.send(b"\x81\x85\x00\x00\x00\x00hello")
        assert await client.read(11) == b"\x81\x85\x00\x00\x00\x00hello"
    (request,) = stand.came()
    assert request.all(b"X-User-Id") == [JOHN]
    cookie = f"Cookie: __session={stand.gateway.cookie}"
    for lines, status in (((), 401), ((cookie, "Origin: https://evil.example"), 403), ((cookie,), 403)):
        refused = await exchange(stand.port, raw("GET", "/echo/ws", "app.test", *lines, *HANDSHAKE))
        assert refused.status == status, lines
    assert stand.came() == []


async def test_a_body_that_is_larger_than_a_proxys_own_limit_is_carried(stand: Stand) -> None:
    """The limit is the gateway's `limits.body_bytes`, by which the configs are printed; nginx's own is 1 MB."""
    body = b"x" * 3_000_000
    head = raw("POST", "/echo/", "app.test", "Connection: close", KEY, f"Content-Length: {len(body)}")
    assert (await exchange(stand.port, head + body)).status == 200
    (request,) = stand.came()
    assert request.body == body


async def test_heads_that_the_gateway_takes_are_no_proxys_to_refuse(stand: Stand) -> None:
    """A cookie and a token of some kilobytes each: nginx's own limit is 8 KB a line."""
    response = await stand.ask("/echo/", KEY, f"Cookie: a={'x' * 12_000}", f"X-Other: {'y' * 9_000}")
    assert response.status == 200
    (request,) = stand.came()
    assert len(request.one(b"X-Other") or b"") == 9_000


PAGE = "https://app.example.com"
CORS = [
    {
        "name": "open",
        "match": {"path": "/public/"},
        "access": "public",
        "upstream": "http://127.0.0.1:1",
    },
    {
        "name": "listed",
        "match": {"path": "/", "methods": ["GET", "PUT"]},
        "upstream": "http://127.0.0.1:1",
        "cors": {"origins": [PAGE]},
    },
]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_preflight_is_answered_alike_through_every_proxy(kind: str, examples: Examples, tmp_path: Path) -> None:
    """A listed page's goes to the application, as nobody's; what is no listed page's meets what any request meets."""
    async with standing(kind, examples, tmp_path, routes=CORS) as stand:
        for origin, method, arrives in (
            (PAGE, "PUT", True),
            (PAGE, "GET", True),
            (PAGE, "DELETE", False),
            ("https://evil.example", "PUT", False),
        ):
            asks = (f"Origin: {origin}", f"Access-Control-Request-Method: {method}", "X-User-Id: forged")
            response = await stand.ask("/a", *asks, "Access-Control-Request-Headers: x-api-key", method="OPTIONS")
            came = stand.came()
            assert response.status == (200 if arrives else 403 if "nginx" in kind else 404), (origin, method)
            assert [(request.method, told(request)) for request in came] == ([(b"OPTIONS", {})] if arrives else [])


async def test_a_gateway_that_is_gone_lets_nobody_in(stand: Stand) -> None:
    assert (await stand.ask("/echo/", KEY)).status == 200
    stand.came()
    await stand.gateway.supervisor.drain()
    for target in ("/echo/", "/public/", "/optional/"):
        for lines in ((KEY,), ()):
            assert (await stand.ask(target, *lines)).status in {403, 500, 502, 503}
    assert stand.came() == []


async def test_the_gateway_counts_and_logs_the_address_that_the_proxy_saw(stand: Stand) -> None:
    for forged in (
        (),
        ("X-Forwarded-For: 198.51.100.1",),
        ("X-Forwarded-For: 198.51.100.1", "X-Real-IP: 198.51.100.2"),
    ):
        await stand.ask("/public/", *forged)
    lines = [json.loads(line) for line in stand.gateway.log().splitlines()]
    endpoints = [line for line in lines if line.get("endpoint", "").startswith("forward_auth.")]
    assert {line["client"] for line in endpoints} == {"127.0.0.1"}
    assert {line["host"] for line in endpoints} == {"app.test"}


async def test_a_body_goes_to_the_application_and_not_to_the_gateway(stand: Stand) -> None:
    for framing, body in (("Content-Length: 5", b"hello"), ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")):
        for key, status in ((KEY, 200), ("X-Api-Key: nobody's", 401)):
            head = raw("POST", "/echo/", "app.test", "Connection: close", key, framing)
            assert (await exchange(stand.port, head + body)).status == status, framing
            assert [request.body for request in stand.came()] == ([b"hello"] if status == 200 else [])
