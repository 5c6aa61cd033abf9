from __future__ import annotations

import asyncio

import pytest

from gateway.front.body import CallerBody
from gateway.http1.faults import ExchangeError, Fault
from gateway.upstream.forward_context import ForwardContext
from gateway.upstream.late_bodies import STREAMED, CallerLimits, LateBodies
from tests.support.builders.carriages import downstream_request, forward_context, request_body
from tests.support.fakes.fake_transport import FakeClient

INVITED = b"HTTP/1.1 100 Continue\r\n\r\n"


class Late:
    """A request whose body comes as the test says, and who waits for it."""

    def __init__(self, limits: CallerLimits | None = None, *, expects: bool = False, **route: object) -> None:
        self.client = FakeClient()
        self.source: CallerBody = request_body(self.client, chunked=True)
        request = downstream_request("POST", expects=expects, body=self.source, connection=self.client)
        self.context: ForwardContext = forward_context(request, **route)
        self.it = LateBodies(limits or CallerLimits(), asyncio.get_running_loop().time)

    def begin(self) -> asyncio.Future[list[bool]]:
        assert self.context.body is not None
        return asyncio.gather(self.it.arrive(self.context, self.context.body))


async def test_a_body_that_comes_in_time_is_there() -> None:
    late = Late()
    waiting = late.begin()
    await asyncio.sleep(0)
    late.source.body(b"abc")
    late.source.body_end()
    assert await waiting == [True]


async def test_so_is_as_much_of_it_as_is_kept() -> None:
    late = Late()
    waiting = late.begin()
    await asyncio.sleep(0)
    late.source.body(bytes(STREAMED))
    assert await waiting == [True]
    assert not late.client.fake.reading


async def test_a_body_that_takes_its_time_is_not() -> None:
    assert await Late(CallerLimits(body_wait=0.0)).begin() == [False]


async def test_one_that_is_read_whole_has_all_the_time_of_its_exchange() -> None:
    late = Late(buffer_body=10)
    late.context.ends_at = asyncio.get_running_loop().time() - 1.0
    with pytest.raises(ExchangeError) as caught:
        await late.begin()
    assert caught.value.fault is Fault.TOTAL_TIMEOUT


async def test_one_that_breaks_never_comes() -> None:
    late = Late()
    waiting = late.begin()
    await asyncio.sleep(0)
    late.source.fail(ExchangeError(Fault.CLIENT_STALLED))
    with pytest.raises(ExchangeError) as caught:
        await waiting
    assert caught.value.fault is Fault.CLIENT_STALLED


async def test_a_caller_that_waits_for_us_is_not_waited_for() -> None:
    late = Late(expects=True)
    assert await late.begin() == [False]
    assert late.client.fake.written == b""  # it is invited when there is a connection


async def test_but_one_whose_body_is_read_whole_is_invited() -> None:
    late = Late(expects=True, buffer_body=10)
    waiting = late.begin()
    await asyncio.sleep(0)
    assert late.client.fake.written == INVITED
    late.source.body_end()
    assert await waiting == [True]


async def test_an_address_has_so_many_until_they_leave() -> None:
    late = Late(CallerLimits(bodies_per_address=1), expects=True)
    assert await late.begin() == [False]
    with pytest.raises(ExchangeError) as caught:
        await late.begin()
    assert caught.value.fault is Fault.TOO_MANY_BODIES
    late.it.leave(late.context)
    late.it.leave(late.context)  # it left before: nothing is counted twice
    late.context.late = True
    late.it.leave(late.context)
    assert await late.begin() == [False]
