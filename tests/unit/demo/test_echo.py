from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.demo.echo import start_echo
from tests.support.clients.raw_http import exchange, raw_client


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await start_echo("127.0.0.1", 0)
    yield server.port
    await server.close()


async def test_tells_the_request_with_case_order_and_duplicates(port: int) -> None:
    found = await exchange(
        port, b"PUT /any/where?q=1 HTTP/1.1\r\nHost: h\r\nX-b: 1\r\nx-B: 2\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert found.status == 200
    assert found.one(b"content-type") == b"application/json"
    assert found.json() == {
        "method": "PUT",
        "target": "/any/where?q=1",
        "headers": [["Host", "h"], ["X-b", "1"], ["x-B", "2"], ["Content-Length", "3"]],
        "body_bytes": 3,
        "body_sha256": hashlib.sha256(b"abc").hexdigest(),
    }


async def test_counts_a_compressed_body_as_it_came(port: int) -> None:
    found = await exchange(
        port, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
    )
    assert found.json()["body_bytes"] == 4


async def test_a_browser_at_the_root_gets_a_page(port: int) -> None:
    found = await exchange(port, b"GET / HTTP/1.1\r\nHost: h\r\nAccept: text/html,*/*\r\n\r\n")
    assert (found.status, found.one(b"content-type")) == (200, b"text/html; charset=utf-8")
    assert b"Session gateway: the demo" in found.body


async def test_streams_chunks_one_by_one(port: int) -> None:
    async with raw_client(port) as client:
        await client.send(b"GET /public/stream?chunks=3&delay=0 HTTP/1.1\r\nHost: h\r\n\r\n")
        await client.head()
        assert [await client.chunk() for _ in range(4)] == [b"chunk 0\n", b"chunk 1\n", b"chunk 2\n", b""]


async def test_holds_an_answer_back(port: int) -> None:
    found = await exchange(port, b"GET /echo/slow?seconds=0.01 HTTP/1.1\r\nHost: h\r\n\r\n")
    assert found.json() == {"slept": 0.01}


@pytest.mark.parametrize("number", ["nan", "x", "-1"])
async def test_numbers_that_make_no_sense_do_not_hurt(port: int, number: str) -> None:
    found = await exchange(port, f"GET /echo/stream?chunks=2&delay={number} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert found.body == b"chunk 0\nchunk 1\n"


async def test_sends_websocket_messages_back(port: int) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{port}/admin/ws") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        await socket.send_bytes(b"\x00\x01")
        assert await socket.receive_bytes() == b"\x00\x01"


async def test_a_plain_get_of_the_websocket_is_refused(port: int) -> None:
    assert (await exchange(port, b"GET /echo/ws HTTP/1.1\r\nHost: h\r\n\r\n")).status == 400


async def test_takes_whatever_the_gateway_lets_through_and_adds(port: int) -> None:
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(160)) + b"X-Identity-Token: " + b"t" * 60_000
    found = await exchange(port, b"GET /" + b"a" * 8_000 + b" HTTP/1.1\r\nHost: h\r\n" + fields + b"\r\n\r\n")
    assert found.status == 200
    assert found.json()["headers"][-1] == ["X-Identity-Token", "t" * 60_000]
