from __future__ import annotations

import pytest

from gateway.front.serving import FrontLimits
from gateway.http1.faults import Fault
from gateway.model.decision import Response
from tests.support.fakes.talk import GET, POST, Consumer, Talk, tell_target


async def test_the_time_of_a_head_runs_from_its_first_byte() -> None:
    talk = Talk(FrontLimits(head_timeout=3.0, idle=9.0))
    talk.loop.advance(2.9)
    for byte in GET[:20]:
        talk.sends(bytes([byte]))
        talk.loop.advance(0.14)
    assert talk.statuses == []
    talk.loop.advance(0.3)
    assert talk.statuses == [408]
    assert talk.transport.ended


@pytest.mark.parametrize("pieces", [(b"\r\n",), (b"\r", b"\n"), (b"\r\n\r", b"\n")])
async def test_empty_lines_buy_no_time(pieces: tuple[bytes, ...]) -> None:
    talk = Talk(FrontLimits(head_timeout=3.0))
    for _ in range(4):
        for piece in pieces:
            talk.sends(piece)
            talk.loop.advance(1.0 / len(pieces))
    assert talk.transport.is_closing()


async def test_a_connection_that_says_nothing_is_closed_and_an_idle_one_later() -> None:
    silent, idle = (Talk(FrontLimits(head_timeout=3.0, idle=9.0), tell_target) for _ in range(2))
    idle.sends(GET)
    for talk in (silent, idle):
        talk.loop.advance(3.1)
    assert (silent.transport.is_closing(), idle.transport.is_closing()) == (True, False)
    idle.loop.advance(6.0)
    assert (idle.transport.is_closing(), idle.statuses) == (True, [200])


async def test_a_request_that_is_answered_slowly_is_waited_for() -> None:
    talk = Talk(FrontLimits(head_timeout=1.0, body_stall=1.0, idle=1.0))
    talk.sends(POST + b"abcdef")
    talk.loop.advance(1000.0)
    talk.answer()
    assert (talk.statuses, talk.transport.is_closing()) == ([200], False)


async def test_the_time_of_a_body_runs_from_its_last_byte() -> None:
    talk, consumer = Talk(FrontLimits(body_stall=5.0)), Consumer()
    talk.sends(POST)
    body = talk.requests[0].body
    assert body is not None
    body.start(consumer)
    for byte in b"abc":
        talk.loop.advance(4.9)
        talk.sends(bytes([byte]))
    assert consumer.seen == [b"a", b"b", b"c"]
    talk.loop.advance(5.1)
    assert consumer.seen[3:] == [Fault.CLIENT_STALLED.value]
    talk.answer(Response(408))
    assert b"Connection: close" in talk.transport.written
    assert talk.transport.ended


async def test_a_caller_whom_we_hold_is_not_late() -> None:
    talk, consumer = Talk(FrontLimits(body_stall=5.0)), Consumer()
    talk.sends(POST + b"abc")
    body = talk.requests[0].body
    assert body is not None
    body.start(consumer)
    body.hold()
    talk.loop.advance(14.9)
    body.resume()
    talk.loop.advance(4.9)
    assert consumer.seen == [b"abc"]
    talk.loop.advance(0.2)
    assert consumer.seen[1:] == [Fault.CLIENT_STALLED.value]


async def test_the_rest_of_a_body_that_never_ends_is_given_up_and_its_connection_left() -> None:
    talk = Talk(answering=tell_target)
    talk.sends(POST + b"abc")
    talk.loop.advance(5.1)
    assert (talk.transport.ended, talk.transport.is_closing()) == (True, False)
    talk.sends(b"def" + GET)
    talk.loop.advance(5.1)
    assert (talk.statuses, talk.transport.is_closing()) == ([200], True)


async def test_a_refused_caller_that_does_not_leave_is_left() -> None:
    talk = Talk()
    talk.sends(b"garbage\r\n\r\n")
    for _ in range(6):
        talk.loop.advance(1.0)
        if not talk.transport.is_closing():
            talk.sends(b"more")
    assert (talk.statuses, talk.transport.is_closing()) == ([400], True)
