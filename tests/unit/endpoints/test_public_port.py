import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pytest

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.public_port import PublicPort
from gateway.http1.downstream import DownstreamRequest, Forwarded, Serving
from gateway.model.decision import AccessRequest, Response
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.forwarding_metrics import ForwardingMetrics
from gateway.telemetry.journal import Journal
from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.request_ids import RandomHex, RequestIds
from gateway.telemetry.trace_context import Traces
from tests.support.clients.raw_http import conversation, exchange, raw_client
from tests.support.servers.fronts import ListeningFront, listening

Answering = Callable[[DownstreamRequest, AccessRequest, RequestRecord], Serving]


class Own:
    """An endpoint that answers with its name, or as it is told to."""

    def __init__(self, name: str, *paths: str, hosts: tuple[str, ...] = (), answer: Answering | None = None) -> None:
        self.name = name
        self.paths = paths
        self.hosts = frozenset(hosts)
        self._answer = answer

    def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Serving:
        if self._answer is not None:
            return self._answer(request, access, record)
        return Response(200, body=self.name.encode())


class Served:
    def __init__(self, server: ListeningFront, written: BytesIO) -> None:
        self.server = server
        self.port = server.port
        self._written = written

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._written.getvalue().splitlines()]


@asynccontextmanager
async def served(*endpoints: Own, proxy: Answering | None = None) -> AsyncIterator[Served]:
    written = BytesIO()
    random_hex = RandomHex()
    log = AccessLog(LineBuffer(written.write), lambda flush: flush(), Timestamps(lambda: 0.0), chance=lambda: 0.0)
    metrics = RequestMetrics("test", lambda: 0)
    forwarding_metrics = ForwardingMetrics(metrics.registry)
    journal = Journal(
        RequestIds(random_hex), Traces(random_hex), metrics, (forwarding_metrics.ended, log.write), lambda: 1.0
    )
    accesses = AccessReader((), 8192, lambda: 0.0)
    front = PublicPort(endpoints, Own("proxy", answer=proxy), accesses, journal, {"/_gateway/ask": Own("beneath")})
    async with listening(front) as server:
        yield Served(server, written)


def get(path: bytes, host: bytes = b"a.example") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"


async def test_own_paths_win_and_everything_else_is_the_proxys() -> None:
    async with served(Own("keys", "/.well-known/jwks.json")) as front:
        assert (await exchange(front.port, get(b"/.well-known/jwks.json"))).body == b"keys"
        assert (await exchange(front.port, get(b"/.well-%6bnown/jwks.json?x"))).body == b"keys"
        assert (await exchange(front.port, get(b"/.well-known/jwks.json/"))).body == b"proxy"
        assert (await exchange(front.port, get(b"/"))).body == b"proxy"
        assert [line["endpoint"] for line in front.lines()] == ["keys", "keys", "proxy", "proxy"]


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        (b"/_gateway/ask", b"beneath"),
        (b"/_gateway/ask/a/b?c", b"beneath"),
        (b"/_gateway/%61sk/a", b"beneath"),
        (b"/_gateway/ask*", b"beneath"),
        (b"/_gateway/", None),
        (b"/_gateway/other", None),
        (b"/_%67ateway/other", None),
        (b"/_gateway", b"proxy"),
        (b"/_gatewayother", b"proxy"),
    ],
)
async def test_beneath_its_own_path_the_gateway_answers_alone(path: bytes, answered: bytes | None) -> None:
    async with served() as front:
        response = await exchange(front.port, get(path))
    assert (response.status, response.body if answered else None) == (200 if answered else 404, answered)


async def test_the_length_of_an_own_answer_is_written_down_as_the_caller_got_it() -> None:
    async with served(Own("keys", "/keys")) as front:
        await exchange(front.port, get(b"/keys"))
        await exchange(front.port, get(b"/keys").replace(b"GET", b"HEAD"), head=True)
        assert [line.get("bytes_out", 0) for line in front.lines()] == [4, 0]


async def test_an_endpoint_answers_for_its_hosts_alone() -> None:
    async with served(Own("session", "/session", hosts=("b.example",))) as front:
        assert (await exchange(front.port, get(b"/session"))).body == b"proxy"
        assert (await exchange(front.port, get(b"/session", b"B.example:80"))).body == b"session"


@pytest.mark.parametrize(
    "raw",
    [
        get(b"/a/../b"),
        get(b"http://evil.example/"),
        get(b"/", b"a@b"),
        b"GET http://a/ HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_cannot_be_understood_is_400_in_our_words_and_reaches_no_endpoint(raw: bytes) -> None:
    async with served() as front:
        response = await exchange(front.port, raw)
        assert response.status == 400
        (line,) = front.lines()
    assert response.json()["error"]["code"] == "malformed_request"
    assert response.json()["error"]["request_id"] == line["request_id"]
    assert (line["status"], line["decision"]) == (400, "refused")


async def test_nothing_is_served_behind_framing_that_is_refused() -> None:
    async with served() as front, raw_client(front.port) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
        response = await client.response()
        assert (response.status, response.one(b"connection")) == (400, b"close")
        assert await client.read_all() == b""


def break_down(*_: object) -> Serving:
    raise ZeroDivisionError("the secret is s3cret")


async def break_down_later(*_: object) -> Response:
    await asyncio.sleep(0)
    raise ZeroDivisionError("the secret is s3cret")


@pytest.mark.parametrize("proxy", [break_down, break_down_later])
async def test_a_fault_of_ours_is_500_without_a_word_about_it(proxy: Answering) -> None:
    async with served(proxy=proxy) as front:
        response = await exchange(front.port, get(b"/"))
        (line,) = front.lines()
    assert response.status == 500
    assert b"s3cret" not in response.body
    assert line["fault"] == "unexpected"


@pytest.mark.parametrize("later", [True, False])
async def test_half_an_answer_is_never_followed_by_another(later: bool) -> None:
    def break_midway(request: DownstreamRequest, _: AccessRequest, record: RequestRecord) -> Serving:
        request.connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        record.status = 200
        if later:
            return break_down_later()
        raise ZeroDivisionError

    async with served(proxy=break_midway) as front:
        received = await conversation(front.port, get(b"/"))
        (line,) = front.lines()
    assert received.count(b"HTTP/1.1") <= 1
    assert not received.endswith(b"}")
    assert line["fault"] == "unexpected"


async def test_a_client_that_left_is_written_down_as_such_once() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(*_: object) -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with served(proxy=wait) as front:
        async with raw_client(front.port) as client:
            await client.send(get(b"/"))
            await begun.wait()
            client.abort()
            await ended.wait()
        await front.server.close(0.0)
        (line,) = front.lines()
    assert line["fault"] == "client gone"


async def test_a_request_that_is_answered_by_a_call_is_written_down_when_it_is() -> None:
    begun: asyncio.Future[DownstreamRequest] = asyncio.get_running_loop().create_future()

    def wait(request: DownstreamRequest, *_: object) -> Serving:
        begun.set_result(request)

    async with served(proxy=wait) as front, raw_client(front.port) as client:
        await client.send(get(b"/"))
        request = await begun
        assert front.lines() == []
        request.complete(Forwarded(204, keep_alive=False))
        (line,) = front.lines()
    assert line["status"] == 204


async def test_what_never_became_a_request_is_written_down() -> None:
    async with served() as front:
        assert (await exchange(front.port, b"garbage\r\n\r\n")).status == 400
        (line,) = front.lines()
    assert (line["endpoint"], line["status"]) == ("front", 400)
