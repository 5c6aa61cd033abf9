from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from gateway.front.body import CallerBody
from gateway.http1.faults import ExchangeError, Fault
from tests.support.builders.carriages import request_body
from tests.support.fakes.fake_transport import FakeClient


class Consumer:
    """Keeps what it is handed, the end as a word."""

    def __init__(self, stops: CallerBody | None = None) -> None:
        self.seen: list[bytes | str] = []
        self._stops = stops

    def body(self, data: bytes) -> None:
        self.seen.append(data)
        if self._stops is not None:
            self._stops.stop()

    def body_end(self) -> None:
        self.seen.append("end")

    def body_failed(self, error: ExchangeError) -> None:
        self.seen.append(error.fault.value)


STALLED = ExchangeError(Fault.CLIENT_STALLED)


def test_what_came_before_its_consumer_is_handed_on_in_one_piece() -> None:
    body, consumer = request_body(FakeClient()), Consumer()
    body.body(b"a")
    body.body(b"b")
    body.start(consumer)
    body.body(b"c")
    body.body_end()
    assert consumer.seen == [b"ab", b"c", "end"]


def test_small_pieces_and_large_ones_keep_their_order() -> None:
    body, consumer = request_body(FakeClient()), Consumer()
    pieces = [b"a", b"b", b"c" * 2000, b"d", b"e" * 1024, b"f", b"g" * 1023, b"h" * 3000]
    for piece in pieces:
        body.body(piece)
    body.start(consumer)
    assert consumer.seen == [b"".join(pieces)]


def test_a_body_in_tiny_pieces_takes_what_it_holds() -> None:
    body = request_body(FakeClient())
    tracemalloc.start()
    try:
        for number in range(30_000):
            body.body(number.to_bytes(2, "big"))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 * 60_000 + 10_000


def test_a_whole_body_that_came_before_its_consumer_ends_at_once() -> None:
    body, consumer = request_body(FakeClient()), Consumer()
    body.body(b"abc")
    body.body_end()
    body.start(consumer)
    assert (consumer.seen, body.complete, body.failed) == ([b"abc", "end"], True, False)


def test_it_tells_whether_any_of_it_has_come() -> None:
    body, empty = request_body(FakeClient()), request_body(FakeClient(), chunked=True)
    assert not body.begun
    body.body(b"a")
    assert (body.begun, body.complete) == (True, False)
    empty.body_end()
    assert (empty.begun, empty.complete) == (True, True)


@pytest.mark.parametrize("early", [True, False])
def test_a_failure_is_told_once_whenever_it_comes(early: bool) -> None:
    body, consumer = request_body(FakeClient()), Consumer()
    body.body(b"a")
    if early:
        body.fail(STALLED)
    body.start(consumer)
    body.fail(STALLED)
    body.fail(ExchangeError(Fault.CLIENT_GONE))
    assert (consumer.seen, body.failed) == ([b"a", "client stalled"], True)


def test_what_is_complete_fails_no_more() -> None:
    body, consumer = request_body(FakeClient()), Consumer()
    body.body_end()
    body.fail(STALLED)
    body.start(consumer)
    assert (consumer.seen, body.failed) == (["end"], False)


def test_a_caller_is_held_while_nobody_begins_and_much_has_come() -> None:
    client, consumer = FakeClient(), Consumer()
    body = request_body(client)
    body.body(bytes(64 * 1024 - 1))
    assert (client.fake.reading, body.held) == (True, False)
    body.body(b"a")
    assert (client.fake.reading, body.held) == (False, True)
    body.start(consumer)
    assert (client.fake.reading, body.held) == (True, False)


def test_its_consumer_holds_the_caller_and_lets_it_go() -> None:
    client = FakeClient()
    body = request_body(client)
    body.start(Consumer())
    body.hold()
    assert (client.fake.reading, body.held) == (False, True)
    body.resume()
    assert (client.fake.reading, body.held) == (True, False)


def test_a_consumer_that_has_ended_hears_no_more_and_the_caller_is_not_left_held() -> None:
    client, consumer = FakeClient(), Consumer()
    body = request_body(client)
    body.start(consumer)
    body.hold()
    body.stop()
    body.body(b"dropped")
    body.body_end()
    assert (consumer.seen, client.fake.reading, body.complete) == ([], True, True)


def test_a_consumer_that_ends_over_the_first_piece_hears_no_more() -> None:
    body = request_body(FakeClient())
    consumer = Consumer(stops=body)
    body.body(b"abc")
    body.body_end()
    body.start(consumer)
    assert consumer.seen == [b"abc"]


async def test_all_of_it_can_be_waited_for() -> None:
    body = request_body(FakeClient())
    body.body(b"a")
    reading = asyncio.gather(body.read(3))
    await asyncio.sleep(0)
    body.body(b"bc")
    body.body_end()
    assert await reading == [b"abc"]


async def test_one_that_is_longer_than_it_may_be_is_not_waited_for_and_lets_the_caller_go_on() -> None:
    client = FakeClient()
    body = request_body(client)
    body.body(bytes(100_000))
    with pytest.raises(ExchangeError) as failed:
        await body.read(99_999)
    assert failed.value.fault is Fault.BODY_TOO_LARGE
    assert client.fake.reading
    body.body(b"dropped")
    body.body_end()


async def test_whoever_waits_for_it_is_told_that_it_never_comes() -> None:
    body = request_body(FakeClient())
    reading = asyncio.gather(body.read(3), return_exceptions=True)
    await asyncio.sleep(0)
    body.fail(STALLED)
    assert await reading == [STALLED]
