import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.admin.health import Health, health_routes
from gateway.admin.own_hosts import OwnHosts
from gateway.telemetry.exposition import render, snapshot
from gateway.telemetry.metrics import RequestMetrics
from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.servers.applications import application


class Process:
    """What the endpoints ask about."""

    def __init__(self) -> None:
        self.serving = self.alive = True
        self.metrics = RequestMetrics("1.2.3", lambda: 0)

    async def broken(self, _request: web.Request) -> web.Response:
        raise RuntimeError("a detail of ours")

    async def render(self) -> tuple[bytes, str]:
        return render(snapshot(self.metrics.registry))

    def routes(self) -> list[web.RouteDef]:
        health = Health(lambda: self.alive, lambda: self.serving)
        return [*health_routes(health, self.render), web.post("/broken", self.broken)]


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
async def port(process: Process) -> AsyncIterator[int]:
    async with application(process.routes(), OwnHosts(["gateway.example.com"])) as number:
        yield number


async def ask(port: int, method: str, target: str) -> RawResponse:
    request = f"{method} {target} HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\r\n"
    return await exchange(port, request.encode(), head=method == "HEAD")


async def test_health_is_told_as_long_as_somebody_serves(process: Process, port: int) -> None:
    process.serving = False
    assert (await ask(port, "GET", "/healthz")).status == 200
    process.alive = False
    dead = await ask(port, "GET", "/healthz")
    assert (dead.status, dead.json()) == (503, {"status": "nobody serves"})


async def test_readiness_follows_the_process(process: Process, port: int) -> None:
    assert (await ask(port, "GET", "/readyz")).status == 200
    process.serving = False
    draining = await ask(port, "GET", "/readyz")
    assert (draining.status, draining.json()) == (503, {"status": "not ready"})
    assert draining.one(b"cache-control") == b"no-store"


async def test_metrics_are_in_the_text_format(process: Process, port: int) -> None:
    process.metrics.in_flight += 1
    answer = await ask(port, "GET", "/metrics?name=ignored")
    assert answer.status == 200
    assert answer.one(b"content-type") == b"text/plain; version=0.0.4; charset=utf-8"
    assert b"\ngateway_requests_in_flight 1.0\n" in answer.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_head_has_gets_head_and_no_body(port: int, path: str) -> None:
    async with raw_client(port) as client:
        await client.send(f"HEAD {path} HTTP/1.1\r\nHost: admin\r\n\r\n".encode())
        head = await client.response(head=True)
        assert head.status == 200
        assert int(head.one(b"content-length") or b"0") > 0
        await client.send(b"GET /healthz HTTP/1.1\r\nHost: admin\r\n\r\n")
        assert (await client.response()).json() == {"status": "healthy"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/healthz", b"GET, HEAD"), ("DELETE", "/metrics", b"GET, HEAD"), ("GET", "/broken", b"POST")],
)
async def test_other_methods_are_405_and_say_which_are_allowed(
    port: int, method: str, path: str, allowed: bytes
) -> None:
    answer = await ask(port, method, path)
    assert (answer.status, answer.one(b"allow")) == (405, allowed)
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/", "/revoke", "/healthz/", "/HEALTHZ", "//healthz", "/metrics%2f", "http://a/metrics"]
)
async def test_nothing_else_is_here(port: int, path: str) -> None:
    answer = await ask(port, "GET", path)
    assert answer.status == 404
    assert answer.json() == {
        "error": {"code": "not_found", "message": "There is nothing here.", "status": 404, "request_id": "req-1"}
    }


async def test_a_fault_is_told_in_our_words_and_without_details(port: int) -> None:
    answer = await ask(port, "POST", "/broken")
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (500, "internal_error")
    assert b"detail of ours" not in answer.body


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("Host: 127.0.0.1:9090\r\n", 200),
        ("Host: 10.1.2.3\r\n", 200),
        ("Host: [::1]:9090\r\n", 200),
        ("Host: [2001:db8::1]\r\n", 200),
        ("Host: localhost:9090\r\n", 200),
        ("Host: gateway.localhost\r\n", 200),
        ("Host: gateway\r\n", 200),
        ("Host: gateway:8081\r\n", 200),
        ("Host: GATEWAY.example.com.:9090\r\n", 200),
        ("Host: example.com\r\n", 421),
        ("Host: evil.gateway.example.com\r\n", 421),
        ("Host: 127.0.0.1.evil.test\r\n", 421),
        ("Host: localhost.evil.test\r\n", 421),
        ("Host: 127.1\r\n", 421),
        ("Host: [::1].evil.test\r\n", 421),
        ("Host: a@b\r\n", 421),
        ("Host: \r\n", 421),
    ],
)
async def test_the_admin_port_is_asked_by_names_that_no_page_has(port: int, host: str, status: int) -> None:
    for path in ("/healthz", "/metrics"):
        answer = await exchange(port, f"GET {path} HTTP/1.1\r\n{host}\r\n".encode())
        assert answer.status == status
        if status != 200:
            assert answer.json()["error"]["code"] == "misdirected_request"
            assert "listen.admin_hosts" in answer.json()["error"]["message"]


async def test_a_check_without_a_host_is_no_page(port: int) -> None:
    assert (await exchange(port, b"GET /healthz HTTP/1.0\r\n\r\n")).status == 200
