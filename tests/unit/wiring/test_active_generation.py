import asyncio
from typing import Any

import pytest

from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.model.decision import Response
from gateway.model.refusal import Refusal, RefusalCode
from gateway.resilience.tasks import TaskKeeper
from gateway.wiring.active_generation import ActiveGeneration
from tests.support.builders.carriages import downstream_request


class Generation:
    """Answers when the test completes its requests; writes down how they ended."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun = False
        self.closed = asyncio.Event()
        self.public_port = self
        self.served: list[DownstreamRequest] = []
        self.ended: list[object] = []

    def begin(self) -> None:
        self.begun = True

    def serve(self, request: DownstreamRequest) -> Serving:
        assert self.begun
        self.served.append(request)
        return None

    def completed(self, _request: DownstreamRequest, answer: object) -> None:
        self.ended.append(answer)

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> str:
        return f"{self.name} {refusal.code} {peer} {seen!r}"

    async def close(self) -> None:
        self.closed.set()


ANSWER = Response(200)


def activated(*generations: Generation) -> Any:
    active: Any = ActiveGeneration(TaskKeeper())
    for each in generations:
        active.swap(each)
    return active


async def test_a_request_ends_where_it_began_and_the_generation_with_it() -> None:
    before, after = Generation("before"), Generation("after")
    active = activated(before)
    first, second, third = (downstream_request() for _ in range(3))
    assert active.serve(first) is None
    assert active.serve(second) is None
    active.swap(after)
    active.serve(third)
    assert (before.served, after.served) == ([first, second], [third])
    active.completed(third, ANSWER)
    active.completed(first, ANSWER)
    assert [each.name for each in active.generations()] == ["after", "before"]
    assert not before.closed.is_set()
    active.completed(second, ANSWER)
    assert (before.ended, after.ended) == ([ANSWER, ANSWER], [ANSWER])
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert [each.name for each in active.generations()] == ["after"]
    assert not after.closed.is_set()


async def test_a_generation_without_requests_is_closed_at_once() -> None:
    before, after = Generation("before"), Generation("after")
    active = activated(before, after)
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert active.refuse(Refusal(RefusalCode.TIMEOUT), "::1", b"GE") == "after request_timeout ::1 b'GE'"


async def test_a_request_whose_caller_left_counts_as_ended() -> None:
    before = Generation("before")
    active, request = activated(before), downstream_request()
    active.serve(request)
    active.swap(Generation("after"))
    active.completed(request, None)
    await asyncio.wait_for(before.closed.wait(), 5.0)
    assert before.ended == [None]


async def test_closing_closes_all_generations() -> None:
    before, after = Generation("before"), Generation("after")
    active = activated(before)
    active.serve(downstream_request())
    active.swap(after)
    await active.close()
    assert before.closed.is_set()
    assert after.closed.is_set()


async def test_closing_waits_for_a_generation_that_is_being_closed() -> None:
    """Whoever cancelled it half way would leave its connections open."""
    before = Generation("before")
    may_close = asyncio.Event()

    async def slowly() -> None:
        await may_close.wait()
        before.closed.set()

    before.close = slowly  # type: ignore[method-assign]
    active = activated(before, Generation("after"))
    closing = asyncio.gather(active.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    may_close.set()
    await closing
    assert before.closed.is_set()


async def test_a_request_before_the_first_generation_is_a_fault_of_ours() -> None:
    with pytest.raises(RuntimeError):
        activated().serve(downstream_request())
