"""Methods of every kind, through sockets: any token is carried, and judged as itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.forward_auth import PROXIES, Asked, endpoints
from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.gateways.serving import Examples, Gateway, config, serving
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

PAGE = "https://app.example.com"
Both = tuple[Gateway, RecordingUpstream]

CARRIED = (
    *("PROPFIND", "PROPPATCH", "REPORT", "MKCOL", "LOCK", "UNLOCK", "PURGE", "QUERY", "SEARCH", "LIST"),
    *("VERSION-CONTROL", "M-SEARCH", "SOURCE", "FOO", "X", "GETT", "Foo", "mixedCase", "!#$%&'*+-.^_`|~9", "A" * 64),
)


def route(name: str, path: str, upstream: RecordingUpstream, **more: Any) -> dict[str, Any]:
    match = {"path": path} | ({"methods": more.pop("methods")} if "methods" in more else {})
    return {"name": name, "match": match, "upstream": f"http://127.0.0.1:{upstream.port}", **more}


@pytest.fixture
async def both(examples: Examples, tmp_path: Path) -> AsyncIterator[Both]:
    async with recording_upstream() as upstream:
        routes = [
            route("finding", "/dav/", upstream, methods=["propfind", "FROB"], access="public"),
            route("dav", "/dav/", upstream, require={"roles": ["admin"]}),
            route("mine", "/mine/", upstream, cors={"origins": [PAGE]}),
            route("moved", "/moved/", upstream, access="public", strip_prefix="/moved"),
            route("all", "/", upstream, access="public"),
        ]
        settings = config(upstream.port, examples.settings(tmp_path), routes=routes, forward_auth=endpoints())
        async with serving(settings, tmp_path) as gateway:
            yield gateway, upstream


async def ask(gateway: Gateway, method: str, path: str, *lines: str) -> RawResponse:
    head = (f"{method} {path} HTTP/1.1", "Host: api.test", *lines)
    return await exchange(gateway.port, "".join(f"{line}\r\n" for line in head).encode() + b"\r\n")


async def test_any_token_is_carried_with_its_body_and_the_connection_stays(both: Both) -> None:
    gateway, upstream = both
    async with raw_client(gateway.port) as client:
        for method in CARRIED:
            await client.send(f"{method} /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc".encode())
            assert (await client.response()).status == 200, method
            await client.send(f"{method} /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            await client.send(b"2\r\nde\r\n0\r\n\r\n")
            assert (await client.response()).status == 200, method
    got = [(found.method.decode(), found.target, found.body) for found in upstream.requests]
    assert got == [each for method in CARRIED for each in ((method, b"/a", b"abc"), (method, b"/b", b"de"))]


async def test_a_pipeline_of_methods_is_answered_in_its_order(both: Both) -> None:
    gateway, upstream = both
    async with raw_client(gateway.port) as client:
        await client.send(b"".join(f"{method} /p HTTP/1.1\r\nHost: h\r\n\r\n".encode() for method in CARRIED))
        assert [(await client.response()).status for _ in CARRIED] == [200] * len(CARRIED)
    assert [found.method.decode() for found in upstream.requests] == list(CARRIED)


@pytest.mark.parametrize(
    ("methods", "status"),
    [
        (("TRACE", "CONNECT", "TRACK", "PRI", "trace", "Connect"), 405),
        (("get", "Get", "gET", "propfind", "Propfind", "version-control", "frob", "Frob", "A" * 65), 501),
    ],
)
async def test_what_is_never_carried_and_other_cases_of_known_methods_are_refused(
    both: Both, methods: tuple[str, ...], status: int
) -> None:
    gateway, upstream = both
    for method in methods:
        for path in ("/a", "/dav/a", "/_gateway/session"):
            assert (await ask(gateway, method, path)).status == status, method
    assert upstream.requests == []


async def test_a_routes_methods_judge_every_method(both: Both) -> None:
    gateway, upstream = both
    for method, status in (("PROPFIND", 200), ("FROB", 200), ("PROPPATCH", 401), ("FOO", 401), ("GET", 401)):
        assert (await ask(gateway, method, "/dav/a")).status == status, method
    assert [found.method for found in upstream.requests] == [b"PROPFIND", b"FROB"]
    key = gateway.showing("member's key").decode()
    assert (await ask(gateway, "LOCK", "/dav/a", key)).status == 403


@pytest.mark.parametrize("proxy", PROXIES)
async def test_the_doors_judge_every_method(both: Both, proxy: str) -> None:
    gateway, _ = both
    expected = {"PROPFIND": 200, "FROB": 200, "LOCK": 401, "FOO": 401, "Foo": 401, "propfind": 501, "TRACE": 405}
    for method, status in expected.items():
        asked = Asked(method, "/dav/a")
        response = await exchange(gateway.port, asked.raw(proxy))
        # nginx makes a 500 of every refusal that it does not know
        assert response.status == (403 if proxy == "nginx" and status > 401 else status), method


async def test_a_foreign_page_needs_leave_for_every_method_that_is_not_known_to_be_safe(both: Both) -> None:
    gateway, upstream = both
    cookie = gateway.showing("cookie").decode()
    for method in ("PROPFIND", "SEARCH", "REPORT", "QUERY", "FOO", "POST"):
        assert (await ask(gateway, method, "/mine/a", cookie, "Origin: https://evil.example")).status == 403, method
        assert (await ask(gateway, method, "/mine/a", cookie)).status == 403, method
        assert (await ask(gateway, method, "/mine/a", cookie, f"Origin: {PAGE}")).status == 200, method
    assert len(upstream.requests) == 6


async def test_a_preflight_allows_the_method_that_is_asked_about(both: Both) -> None:
    gateway, _ = both
    for method, listed in (("PROPFIND", True), ("FOO", True), ("GET", True), ("TRACE", False), ("propfind", False)):
        lines = (f"Origin: {PAGE}", f"Access-Control-Request-Method: {method}")
        response = await ask(gateway, "OPTIONS", "/mine/a", *lines)
        allowed = (response.one(b"Access-Control-Allow-Methods") or b"").decode().split(", ")
        assert (response.status, method in allowed, len(allowed)) == (204, listed, 7 + (listed and method != "GET"))
    for method in ("A, B", "A\tB", "", "A" * 65):
        lines = (f"Origin: {PAGE}", f"Access-Control-Request-Method: {method}")
        answer = (await ask(gateway, "OPTIONS", "/mine/a", *lines)).one(b"Access-Control-Allow-Methods")
        assert answer in {None, b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"}, method


async def test_made_up_methods_fill_no_metric(both: Both) -> None:
    gateway, _ = both
    for number in range(20):
        assert (await ask(gateway, f"MADE-UP-{number}", "/a")).status == 200
    told = (await exchange(gateway.admin_port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")).body.decode()
    lines = [line for line in told.splitlines() if line.startswith("gateway_requests_total") and 'route="all"' in line]
    assert len(lines) == 1
    assert 'method="other"' in lines[0]


async def test_a_destination_is_judged_as_the_target_and_sent_like_it(both: Both) -> None:
    gateway, upstream = both
    for destination, sent in (
        *(("/moved/b", b"/b"), ("http://api.test/moved/b?x", b"/b?x"), ("https://API.test:443/moved/%62", b"/b")),
        ("http://api.test:8080/moved", b"/"),
    ):
        for method in ("COPY", "MOVE"):
            assert (await ask(gateway, method, "/moved/a", f"destination: {destination}")).status == 200, destination
            assert (upstream.requests[-1].target, upstream.requests[-1].all(b"destination")) == (b"/a", [sent])
    assert (await ask(gateway, "PROPFIND", "/moved/a", "Destination: anything at all")).status == 200
    assert upstream.requests[-1].all(b"destination") == [b"anything at all"]


async def test_nothing_is_moved_into_another_route(both: Both) -> None:
    gateway, upstream = both
    for destination, status in {
        **dict.fromkeys(("/dav/b", "/b", "/mine/b", "http://api.test/dav/b", "/Dav/b", "/MOVED/b"), 403),
        **dict.fromkeys(("http://evil.test/moved/b", "https://api.test.evil.test/moved/b"), 403),
        **dict.fromkeys(("/moved/../dav/b", "/moved/%2e%2e/dav/b", "/moved/..%2fdav/b", "/moved//b", "//moved/b"), 400),
        **dict.fromkeys(("", "moved/b", "../dav/b", "ftp://api.test/moved/b", "http:/moved/b", "http://api.test"), 400),
        **dict.fromkeys(
            ("http://u@api.test/moved/b", "/moved/b\\..\\x", "/moved/b;x=/../y", "/moved/\xff", "/moved/b#c"), 400
        ),
    }.items():
        for method in ("COPY", "MOVE"):
            assert (await ask(gateway, method, "/moved/a", f"Destination: {destination}")).status == status, destination
    twice = ("Destination: /moved/b", "Destination: /dav/b")
    assert (await ask(gateway, "MOVE", "/moved/a", *twice)).status == 400
    assert upstream.requests == []


@pytest.mark.parametrize("proxy", PROXIES)
async def test_the_doors_judge_a_destination(both: Both, proxy: str) -> None:
    gateway, _ = both
    for destination, status in (("/moved/b", 200), ("http://api.test/moved/b", 200), ("/dav/b", 403)):
        asked = Asked("MOVE", "/moved/a", host="api.test", lines=(("Destination", destination),))
        assert (await exchange(gateway.port, asked.raw(proxy))).status == status, destination
