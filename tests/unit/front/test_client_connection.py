from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.front.serving import FrontLimits
from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.http1.faults import ExchangeError, Fault
from gateway.model.decision import Response
from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.fakes.talk import GET, POST, Consumer, Talk, tell_target
from tests.support.servers.fronts import Answering, Handler, front, listening

CHUNKED = b"POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


def get(target: int) -> bytes:
    return GET.replace(b" /1 ", b" /%d " % target)


async def read_body(request: DownstreamRequest) -> Response:
    if request.body is None:
        return Response(200)
    try:
        return Response(200, body=await request.body.read(1 << 20))
    except ExchangeError as error:
        return Response(error.refusal.status, body=error.fault.value.encode())


@contextlib.asynccontextmanager
async def serving(handler: Answering = tell_target, limits: FrontLimits | None = None) -> AsyncIterator[RawClient]:
    async with front(handler, limits or FrontLimits()) as port, raw_client(port) as client:
        yield client


# Requests and answers


async def test_requests_on_one_connection_are_answered_in_order() -> None:
    async with serving() as client:
        await client.send(GET + get(2))
        assert [(await client.response()).body for _ in range(2)] == [b"/1", b"/2"]


@pytest.mark.slow
async def test_ten_thousand_requests_in_one_write_are_answered_in_order() -> None:
    async with serving() as client:
        client.writer.write(b"".join(map(get, range(10_000))))
        for number in range(10_000):
            assert (await client.response()).body == b"/%d" % number


async def test_requests_that_are_answered_by_a_call_within_the_call_pile_up_no_frames() -> None:
    def complete(request: DownstreamRequest) -> Serving:
        request.complete(Response(200, body=request.head.target.encode()))

    talk = Talk(answering=complete)
    talk.sends(b"".join(map(get, range(5_000))))
    talk.loop.advance(0.0)
    assert talk.statuses == [200] * 5_000
    assert talk.transport.written.endswith(b"/4999")


@pytest.mark.parametrize("ending", ["closes", "leaves", "stays"])
async def test_others_have_their_turn_among_the_requests_of_one_write(ending: str) -> None:
    """One read may hold ten thousand requests; whoever sends them again and again would have the process alone."""
    talk = Talk(answering=tell_target)
    talk.sends(b"".join(map(get, range(100))))
    assert 0 < len(talk.statuses) < 100
    first = len(talk.statuses)
    talk.sends(get(100))
    assert len(talk.statuses) == first
    if ending == "closes":
        talk.connection.connection_lost(None)
    elif ending == "leaves":
        talk.server.leaving = True
    talk.loop.advance(0.0)
    assert len(talk.statuses) == (101 if ending == "stays" else first)
    assert talk.transport.is_closing() is (ending == "leaves")


async def test_requests_that_take_a_while_are_answered_in_order_and_one_at_a_time() -> None:
    under_way = list[str]()

    async def wait(request: DownstreamRequest) -> Response:
        assert not under_way
        under_way.append(request.head.target)
        await asyncio.sleep(0)
        return Response(200, body=under_way.pop().encode())

    async with serving(wait) as client:
        await client.send(b"".join(map(get, range(50))))
        assert [(await client.response()).body for _ in range(50)] == [b"/%d" % number for number in range(50)]


async def test_a_request_that_is_answered_at_once_makes_no_task() -> None:
    tasks = set[int]()

    def answer(_request: DownstreamRequest) -> Serving:
        tasks.add(len(asyncio.all_tasks()))
        return Response(200)

    async with serving(answer) as client:
        before = len(asyncio.all_tasks())
        for _ in range(100):
            await client.send(GET)
            assert (await client.response()).status == 200
    assert tasks == {before}


async def test_a_compressed_body_is_not_unpacked() -> None:
    async with serving(read_body) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")
        assert (await client.response()).body == b"nope"


@pytest.mark.parametrize("cut", [1, 5, 16])
async def test_a_head_may_arrive_in_pieces(cut: int) -> None:
    talk = Talk(FrontLimits(head_bytes=1024), tell_target)
    for start in range(0, len(GET), cut):
        talk.sends(GET[start : start + cut])
    assert talk.transport.written.endswith(b"/1")


async def test_many_pipelined_heads_are_weighed_one_by_one() -> None:
    async with serving(limits=FrontLimits(head_bytes=1024)) as client:
        await client.send(GET * 100)
        assert {(await client.response()).status for _ in range(100)} == {200}


async def test_a_task_that_has_answered_by_a_call_does_not_stand_for_the_next_request() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(request: DownstreamRequest) -> Response | None:
        if request.head.target == "/1":
            request.complete(Response(200))
            return None
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return None

    async with listening(Handler(answer)) as server:
        async with raw_client(server.port) as client:
            await client.send(GET + get(2))
            await begun.wait()
            await asyncio.sleep(0)
            client.abort()
            async with asyncio.timeout(5):
                await cancelled.wait()
        await server.lost()
        assert isinstance(server.handler, Handler)
        assert [type(each) for each in await server.handler.ended(2)] == [Response, type(None)]


# What is no request


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"secret of the caller\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nsecret of the caller\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % (b"x" * 1024), 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: %b" % (b"x" * 1024), 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 9 + b"\r\n", 431, "headers_too_large"),
        (b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 100), 414, "uri_too_long"),
    ],
)
@pytest.mark.parametrize("before", [b"", GET])
async def test_what_is_no_request_is_refused_in_our_words_and_nothing_behind_it_is_served(
    sent: bytes, status: int, code: str, before: bytes
) -> None:
    async with serving(limits=FrontLimits(head_bytes=1024, headers=8, target_bytes=100)) as client:
        await client.send(before + sent + GET)
        if before:
            assert (await client.response()).body == b"/1"
        refused = await client.response()
        assert (refused.status, refused.json()["error"]["code"]) == (status, code)
        assert refused.one(b"connection") == b"close"
        assert b"secret" not in refused.body
        assert await client.read_all() == b""


async def test_a_caller_that_still_sends_reads_its_last_answer() -> None:
    async with listening(Handler(tell_target)) as server, raw_client(server.port) as client:
        await client.send(b"garbage\r\n\r\n")
        await client.send(b"x" * 1_000_000)
        answer = await client.response()
        assert (answer.status, answer.one(b"connection")) == (400, b"close")
        assert await client.read_all() == b""
        assert len(server.connections) == 1
        await client.send(b"x")
        client.abort()
        await server.lost()


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"Host: h\r\n", b"\r\n", b"Content-Length: 3\r\n",
                    b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"3\r\nabc\r\n", b"abc", b" ", b"\x00", b":",
                    b"Connection: upgrade\r\n", b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n", GET,
                    b"Expect: 100-continue\r\n",
                ]
            ),
        ),
        max_size=12,
    ),
    head=st.sampled_from([b"", CHUNKED]),
    at_once=st.booleans(),
)  # fmt: skip
def test_no_bytes_of_a_caller_hang_or_break_a_connection(pieces: list[bytes], head: bytes, at_once: bool) -> None:
    async def send() -> bytes:
        limits = FrontLimits(head_timeout=0.05, body_stall=0.05, idle=0.05)
        async with serving(read_body, limits) as client:
            with contextlib.suppress(ConnectionError):
                for piece in [head + b"".join(pieces)] if at_once else [head, *pieces]:
                    await client.send(piece)
                    await asyncio.sleep(0)
            return await client.read_all()

    received = asyncio.run(send())
    assert not received or received.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in received


# Bodies


async def test_a_body_nobody_reads_does_not_become_the_next_request() -> None:
    async with serving() as client:
        await client.send(b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(GET), GET) + GET)
        assert (await client.response()).body == b"/1"
        assert (await client.response()).body == b"/1"
        await client.send(get(3))
        assert (await client.response()).body == b"/3"


async def test_a_body_nobody_reads_is_dropped_as_it_comes_and_the_next_request_served() -> None:
    talk = Talk(answering=tell_target)
    talk.sends(POST + b"abc")
    assert talk.statuses == [200]
    talk.sends(b"def" + get(2))
    assert talk.statuses == [200, 200]
    assert talk.transport.written.endswith(b"/2")


async def test_as_many_requests_follow_one_whose_body_came_late_as_any_other() -> None:
    begun = asyncio.Event()

    async def read(request: DownstreamRequest) -> Response:
        begun.set()
        return await read_body(request)

    async with serving(read) as client:
        await client.send(POST)
        await begun.wait()
        await client.send(b"abcdef")
        assert (await client.response()).body == b"abcdef"
        await client.send(GET * 40)
        assert {(await client.response()).status for _ in range(40)} == {200}


@pytest.mark.parametrize(
    "end", [b"0\r\n\r\n", b"0\r\nX-Api-Key: another's\r\n\r\n", b"0;x=y\r\n\r\n", b"000\r\nX: y\r\nZ: 0\r\n\r\n"]
)
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_trailers_are_dropped_and_never_read_as_the_next_requests_fields(end: bytes, size: int) -> None:
    seen = list[object]()

    def note(request: DownstreamRequest) -> Serving:
        seen.append((request.head.target, request.head.block.headers.all(b"x-api-key")))
        return Response(200)

    talk = Talk(answering=note)
    sent = CHUNKED + b"1\r\nx\r\n" + end + get(2)
    for start in range(0, len(sent), size):
        talk.sends(sent[start : start + size])
    assert [target for target, _ in seen] == ["/1", "/2"]  # type: ignore[misc]
    assert not any(keys for _, keys in seen)  # type: ignore[misc]


@pytest.mark.parametrize("broken", [b"no size\r\n", b"1;" + b"x" * 40_000, b"3\r\nabcd\r\n"])
@pytest.mark.parametrize("reads", [True, False])
async def test_a_body_that_breaks_is_400_and_ends_its_connection(broken: bytes, reads: bool) -> None:
    begun, broke = asyncio.Event(), asyncio.Event()

    async def answer(request: DownstreamRequest) -> Response:
        begun.set()
        if not reads:
            await broke.wait()
        return await read_body(request)

    async with serving(answer) as client:
        await client.send(CHUNKED + b"3\r\nabc\r\n")
        await begun.wait()
        await client.send(broken + GET)
        broke.set()
        refused = await client.response()
        assert (refused.status, refused.body) == (400, b"request body broken")
        assert refused.one(b"connection") == b"close"
        assert await client.read_all() == b""


async def test_a_body_that_breaks_together_with_its_head_is_400_too() -> None:
    async with serving(read_body) as client:
        await client.send(CHUNKED + b"no size\r\n")
        assert (await client.response()).status == 400
        assert await client.read_all() == b""


async def test_a_body_that_breaks_while_it_is_dropped_ends_its_connection_without_a_word() -> None:
    async with serving() as client:
        await client.send(CHUNKED)
        assert (await client.response()).body == b"/1"
        await client.send(b"no size\r\n" + GET)
        assert await client.read_all() == b""


async def test_a_caller_that_waits_to_be_invited_takes_no_refusal_for_an_invitation() -> None:
    """It would send the body after all, and what stands in it would be the next request."""
    async with serving(lambda _: Response(413)) as client:
        await client.send(POST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
        refused = await client.response(interim=True)
        assert (refused.status, refused.one(b"connection")) == (413, b"close")
        await client.send(b"abcdef" + GET)
        assert await client.read_all() == b""


async def test_a_caller_that_did_not_wait_to_be_invited_may_stay() -> None:
    async with serving() as client:
        await client.send(POST.replace(b"Host", b"Expect: 100-continue\r\nHost") + b"abcdef" + get(2))
        assert [(await client.response()).body for _ in range(2)] == [b"/1", b"/2"]


async def test_a_caller_is_held_while_nobody_takes_its_body() -> None:
    talk, consumer = Talk(), Consumer()
    talk.sends(CHUNKED + b"20000\r\n" + bytes(0x20000))
    assert not talk.transport.reading
    body = talk.requests[0].body
    assert body is not None
    body.start(consumer)
    assert talk.transport.reading
    body.hold()
    assert not talk.transport.reading
    body.resume()
    assert talk.transport.reading
    talk.sends(b"\r\n0\r\n\r\n")
    assert consumer.seen == [bytes(0x20000), "end"]


async def test_a_caller_is_held_while_more_requests_wait_than_the_one_under_way() -> None:
    talk = Talk()
    talk.sends(GET)
    assert talk.transport.reading
    talk.sends(GET + GET)
    assert not talk.transport.reading
    talk.answer()
    assert not talk.transport.reading
    talk.answer()
    talk.answer()
    assert (talk.transport.reading, talk.statuses) == (True, [200, 200, 200])


# Callers that read nothing


async def test_a_caller_that_takes_no_answers_gets_no_more_and_nothing_of_it_is_read() -> None:
    talk = Talk(answering=tell_target)
    talk.connection.pause_writing()
    talk.sends(GET * 3)
    assert talk.statuses == [200]
    talk.sends(GET)
    assert not talk.transport.reading
    talk.connection.resume_writing()
    assert (talk.statuses, talk.transport.reading) == ([200] * 4, True)


async def test_nor_does_one_whose_bodies_nobody_reads() -> None:
    talk = Talk(answering=tell_target)
    talk.connection.pause_writing()
    talk.sends(POST)
    talk.sends(b"abcdef" + GET)
    assert talk.statuses == [200]
    talk.connection.resume_writing()
    assert talk.statuses == [200, 200]


@pytest.mark.parametrize("closes", [True, False])
async def test_a_caller_that_takes_a_little_now_and_then_is_waited_for_and_one_that_takes_nothing_cut_off(
    closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk(FrontLimits(body_stall=5.0, least_rate=0), lambda _: Response(200, closes=closes))
    monkeypatch.setattr(talk.transport, "close", lambda: None)  # it does not end before its bytes are taken
    monkeypatch.setattr(talk.transport, "abort", lambda: setattr(talk.transport, "aborted", True))
    talk.connection.pause_writing()
    talk.transport.unsent = 9
    talk.sends(GET)
    for left in (8, 4, 3):
        talk.transport.unsent = left
        talk.loop.advance(5.1)
        assert not talk.transport.aborted
    talk.loop.advance(5.1)
    assert talk.transport.aborted


async def test_whoever_answers_is_told_how_the_caller_takes_it() -> None:
    class Watcher:
        told = ""

        def client_paused(self) -> None:
            self.told += "paused "

        def client_resumed(self) -> None:
            self.told += "resumed "

        def client_gone(self) -> None:
            self.told += "gone"

    talk, watcher = Talk(), Watcher()
    talk.sends(GET)
    talk.connection.watch(watcher)
    talk.connection.pause_writing()
    talk.connection.resume_writing()
    assert talk.statuses == []
    talk.transport.abort()
    assert watcher.told == "paused resumed gone"


# Callers that leave, and faults of ours


async def test_a_handler_is_cancelled_when_its_caller_leaves() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_request: DownstreamRequest) -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    handler = Handler(wait)
    async with listening(handler) as server, raw_client(server.port) as client:
        await client.send(GET)
        await begun.wait()
        client.abort()
        async with asyncio.timeout(5):
            await cancelled.wait()
        assert await handler.ended() == [None]


@pytest.mark.parametrize("lost", [None, TimeoutError(), ssl.SSLError()])
async def test_however_a_caller_is_lost_its_body_tells_that_it_has_gone(lost: OSError | None) -> None:
    talk, consumer = Talk(), Consumer()
    talk.sends(POST)
    body = talk.requests[0].body
    assert body is not None
    body.start(consumer)
    talk.connection.connection_lost(lost)
    assert consumer.seen == [Fault.CLIENT_GONE.value]
    assert (talk.handler.answers, len(talk.server.connections)) == ([None], 0)
    talk.answer()
    assert (talk.handler.answers, talk.transport.written) == ([None], b"")


async def test_a_request_is_completed_once_however_often_it_is_answered() -> None:
    talk = Talk()
    talk.sends(GET)
    talk.answer()
    talk.answer()
    assert (talk.statuses, len(talk.handler.answers)) == ([200], 1)


async def test_a_handler_that_fails_ends_its_connection(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_request: DownstreamRequest) -> Response:
        await asyncio.sleep(0)
        raise RuntimeError("half an answer was sent")

    handler = Handler(fail)
    async with listening(handler) as server, raw_client(server.port) as client:
        await client.send(GET + GET)
        assert await client.read_all() == b""
        assert await handler.ended() == [None]
    assert "task_failed" in "".join(capsys.readouterr())


async def test_what_comes_behind_the_last_answer_is_not_served() -> None:
    """A TLS transport may still hand in bytes that it had decrypted when it was closed."""
    talk = Talk(answering=tell_target)
    talk.transport.close = lambda: None  # type: ignore[method-assign]
    talk.sends(GET)
    talk.connection.close_if_idle()
    talk.sends(GET)
    assert talk.statuses == [200]


# Tunnels


async def test_a_tunnel_takes_over_with_what_came_early() -> None:
    class Peer:
        told: list[object]

        def __init__(self) -> None:
            self.told = []

        def received(self, data: bytes) -> None:
            self.told.append(data)

        def ended(self) -> None:
            self.told.append("ended")

        def paused(self) -> None:
            self.told.append("paused")

        def resumed(self) -> None:
            self.told.append("resumed")

    talk, peer = Talk(), Peer()
    talk.sends(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
    assert not talk.transport.reading
    assert talk.connection.take_over(peer) == b"early"
    assert talk.transport.reading
    talk.sends(b"more")
    talk.connection.pause_writing()
    talk.connection.resume_writing()
    talk.loop.advance(1000.0)
    talk.connection.close_if_idle()
    talk.transport.abort()
    assert peer.told == [b"more", "paused", "resumed", "ended"]


async def test_an_upgrade_that_is_refused_ends_its_connection() -> None:
    async with serving(lambda _: Response(401)) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET)
        refused = await client.response()
        assert (refused.status, refused.one(b"connection")) == (401, b"close")
        assert await client.read_all() == b""
