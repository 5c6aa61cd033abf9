"""An upstream that lies: no answer of it reaches another caller, and none is made of two."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.support.clients.raw_http import raw_client
from tests.support.gateways.attacks import KEY, Victim, get, request, victim
from tests.support.gateways.serving import Examples
from tests.support.servers.recording_upstream import OK, UpstreamSide

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: yes\r\n\r\nevil"


def liar(answer: bytes, *, close: bool = False) -> object:
    """Return an upstream that answers its first request so, and every other one honestly."""

    async def converse(side: UpstreamSide) -> None:
        while await side.request() is not None:
            if len(side.upstream.requests) > 1:
                await side.send(OK)
                continue
            await side.send(answer)
            if close:
                return

    return converse


async def honest_after(running: Victim) -> None:
    """Ask again, as another caller: the answer is the honest one."""
    seen = await running.attack(get(b"/public/next"))
    assert [(response.status, response.body) for response in seen.responses] == [(200, b"ok")]
    assert b"evil" not in b"".join(value for response in seen.responses for _, value in response.headers)


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
@pytest.mark.parametrize(
    "first",
    [
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: evil\r\n\r\n",
    ],
)
async def test_a_second_answer_is_nobodys(examples: Examples, tmp_path: Path, first: bytes, method: bytes) -> None:
    async with victim(examples, tmp_path, liar(first + EVIL)) as running:
        seen = await running.attack(get(b"/public/", method=method), head=method == b"HEAD")
        (response,) = seen.responses
        assert b"evil" not in response.body
        assert response.all(b"x-evil") == response.all(b"set-cookie") == []
        await honest_after(running)


@pytest.mark.parametrize(
    ("method", "first"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(EVIL)),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n" % len(EVIL)),
        (b"GET", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)
async def test_a_body_that_was_announced_where_none_may_be_is_waited_for_by_nobody(
    examples: Examples, tmp_path: Path, method: bytes, first: bytes
) -> None:
    """It may come late, when the connection would carry the next caller's request: it is not used again."""
    async with victim(examples, tmp_path, liar(first)) as running:
        await running.attack(get(b"/public/", method=method), head=method == b"HEAD")
        await honest_after(running)
        assert running.upstream.connections == 2


async def test_an_answer_that_nobody_asked_for_is_nobodys(examples: Examples, tmp_path: Path) -> None:
    async def speak_unasked(side: UpstreamSide) -> None:
        await side.request()
        await side.send(OK)
        if side.upstream.connections == 1:
            await side.send(EVIL)
            await side.closed()

    async with victim(examples, tmp_path, speak_unasked) as running:
        assert (await running.attack(get(b"/public/"))).responses[0].body == b"ok"
        await honest_after(running)


NO_HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: evil\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 O\x00K\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 O\x1bK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 O\x7fK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \t \r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nX: a\r\n Set-Cookie: evil\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\n: evil\r\n\r\nevil",
    b"HTTP/1.1 099 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 20 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 -200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/0.9 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"ICY 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n",
    b"evil",
    b"\x16\x03\x01\x02\x00evil",
    b"\r\n\r\n\r\nevil\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nevil",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nX: " + b"e" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"e" * 600_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 " + b"e" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 " + b"e" * 600_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: evil\r\n" * 8_000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: evil\r\n" * 60_000 + b"\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: evil\r\n\r\n" * 2_000 + OK,
    b"HTTP/1.1 103 Early Hints\r\nLink: evil\r\n\r\n" * 15_000 + OK,
    b"HTTP/1.1 100 Continue\r\n\r\n" * 25_000 + OK,
    b"",
)


@pytest.mark.parametrize("answer", NO_HEADS)
async def test_an_answer_that_has_no_one_reading_is_502(examples: Examples, tmp_path: Path, answer: bytes) -> None:
    async with victim(examples, tmp_path, liar(answer, close=True)) as running:
        seen = await running.attack(get(b"/public/"))
        assert seen.statuses == (502,)
        assert set(seen.responses[0].json()) == {"error"}
        assert b"evil" not in seen.responses[0].body
        await honest_after(running)


async def test_interim_answers_are_kept_from_the_caller(examples: Examples, tmp_path: Path) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + b"HTTP/1.1 103 Early Hints\r\nLink: evil\r\n\r\n"
    async with victim(examples, tmp_path, liar(hints + OK)) as running:
        async with raw_client(running.gateway.port) as client:
            await client.send(request(b"GET /public/ HTTP/1.1"))
            assert (await client.response(interim=True)).body == b"ok"
        await honest_after(running)


CUT = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfevil\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nevil\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0;" + b"e" * 70_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n" + b"X: evil\r\n" * 8_000 + b"\r\n",
)


@pytest.mark.parametrize("answer", CUT)
async def test_half_an_answer_never_passes_for_a_whole_one(examples: Examples, tmp_path: Path, answer: bytes) -> None:
    async with victim(examples, tmp_path, liar(answer, close=True)) as running:
        async with raw_client(running.gateway.port) as client:
            await client.send(get(b"/public/"))
            received = await client.read_all()
        assert received.count(b"HTTP/1.1 ") == 1
        if received.startswith(b"HTTP/1.1 200 "):
            assert b"ontent-Length: 10" in received or not received.endswith(b"0\r\n\r\n")
        else:
            assert received.startswith(b"HTTP/1.1 502 ")
        await honest_after(running)


@pytest.mark.parametrize("answer", [CUT[1], CUT[2], CUT[3]])
async def test_half_an_answer_without_a_length_is_broken_off(examples: Examples, tmp_path: Path, answer: bytes) -> None:
    """To a caller of HTTP/1.0 the connection's end is the body's, unless it is a reset."""

    async def slow(side: UpstreamSide) -> None:
        await side.request()
        head, _, rest = answer.partition(b"half")
        await side.send(head + b"half")
        await going.wait()
        await side.send(rest)

    going = asyncio.Event()
    async with victim(examples, tmp_path, slow) as running, raw_client(running.gateway.port) as client:
        await client.send(request(b"GET /public/ HTTP/1.0"))
        assert (await client.head()).status == 200
        assert await client.read(4) == b"half"
        going.set()
        with pytest.raises(ConnectionResetError):
            await client.read(1)


async def test_more_body_than_was_announced_is_nobodys(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, liar(OK + b"evil")) as running:
        assert (await running.attack(get(b"/public/"))).responses[0].body == b"ok"
        await honest_after(running)


async def test_an_answer_before_the_body_was_read_ends_the_connection(examples: Examples, tmp_path: Path) -> None:
    async def hasty(side: UpstreamSide) -> None:
        await side.head()
        await side.send(OK)
        with contextlib.suppress(ConnectionError):
            await side.closed()

    async with victim(examples, tmp_path, hasty) as running:
        smuggled = get(b"/admin/", KEY)
        for _ in range(2):
            fields = (b"Content-Length: %d" % (len(smuggled) + 100_000),)
            async with raw_client(running.gateway.port) as client:
                await client.send(request(b"POST /public/ HTTP/1.1", *fields, body=smuggled))
                assert (await client.response()).status == 200
        assert running.upstream.connections == 2
        assert [received.target for received in running.upstream.requests] == [b"/public/", b"/public/"]


async def test_the_upstreams_connection_fields_stay_with_it(examples: Examples, tmp_path: Path) -> None:
    fields = (
        b"Connection: X-Own, close\r\nX-Own: evil\r\nKeep-Alive: evil\r\nProxy-Authenticate: evil\r\nTrailer: evil\r\n"
    )
    answer = b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 2\r\n\r\nok"
    async with victim(examples, tmp_path, liar(answer)) as running:
        seen = await running.attack(get(b"/public/"))
        assert b"evil" not in b"".join(value for _, value in seen.responses[0].headers)
        await honest_after(running)
