import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.admin.admin_call import call_of
from tests.support.clients.raw_http import PATIENCE, exchange, raw_client
from tests.support.servers.applications import application


class Handlers:
    """What the application of these tests does."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.done = asyncio.Event()

    async def echo(self, request: web.Request) -> web.Response:
        body = await request.content.read()
        call = call_of(request)
        told = {"method": request.method, "query": request.query_string, "bytes": len(body), "peer": request.remote}
        return web.json_response({**told, "id": call.request_id, "cookies": request.headers.getall("Cookie", [])})

    async def early(self, _request: web.Request) -> web.Response:
        return web.Response(text="early")

    async def slow(self, _request: web.Request) -> web.Response:
        self.asked.set()
        await self.may_go_on.wait()
        self.done.set()
        return web.Response(text="slow")

    async def unchanged(self, _request: web.Request) -> web.Response:
        return web.Response(status=304, headers={"ETag": '"1"'})

    def routes(self) -> list[web.RouteDef]:
        ways = [web.get("/slow", self.slow), web.get("/unchanged", self.unchanged), web.post("/early", self.early)]
        return [*ways, web.route("*", "/echo", self.echo)]


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
async def port(handlers: Handlers) -> AsyncIterator[int]:
    async with application(handlers.routes()) as number:
        yield number


@pytest.mark.parametrize("size", [0, 1, 70_000, 2_000_000])
async def test_a_body_comes_whole_however_it_is_framed(port: int, size: int) -> None:
    data = b"x" * size
    counted = b"POST /echo?a=%%20b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + data
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(data[at : at + 999]), data[at : at + 999]) for at in range(0, size, 999))
    chunked = b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
    first, second = [(await exchange(port, raw)).json() for raw in (counted, chunked)]
    assert (first["bytes"], second["bytes"]) == (size, size)
    assert (first["query"], first["id"], first["peer"]) == ("a= b", "req-1", "127.0.0.1")


async def test_repeated_fields_stay_apart(port: int) -> None:
    raw = b"GET /echo HTTP/1.1\r\nHost: h\r\nCookie: a=1\r\nConnection: X-A\r\nX-A: 1\r\nCookie: b=2\r\n\r\n"
    assert (await exchange(port, raw)).json()["cookies"] == ["a=1", "b=2"]


async def test_an_answer_may_come_before_the_body_and_the_connection_goes_on(port: int) -> None:
    async with raw_client(port) as client:
        await client.send(b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        assert (await client.response()).body == b"early"
        await client.send(b"cdGET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await client.response()).json()["method"] == "GET"


async def test_only_the_front_says_who_serves_and_when(port: int) -> None:
    answer = await exchange(port, b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")
    names = [name.lower() for name, _ in answer.headers]
    assert sorted(names) == [b"content-length", b"content-type", b"date", b"server"]
    assert answer.one(b"server") == b"gateway"


async def test_an_answer_without_a_body_has_its_fields(port: int) -> None:
    answer = await exchange(port, b"GET /unchanged HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (answer.status, answer.one(b"etag"), answer.body) == (304, b'"1"', b"")


async def test_what_a_caller_began_is_done_though_it_hangs_up(port: int, handlers: Handlers) -> None:
    async with asyncio.timeout(PATIENCE):
        async with raw_client(port) as client:
            await client.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            await handlers.asked.wait()
        handlers.may_go_on.set()
        await handlers.done.wait()


@pytest.mark.parametrize(
    "target", [b"*", b"//echo", b"/%65cho", b"/ech\xc3\xb6", b"http://h/echo", b"/echo#a", b"/echo/"]
)
async def test_another_spelling_of_a_path_is_no_path_here(
    port: int, target: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await exchange(port, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (answer.status, answer.json()["error"]["request_id"]) == (404, "req-1")
    assert caplog.records == []
