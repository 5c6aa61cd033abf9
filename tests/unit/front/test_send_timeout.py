from __future__ import annotations

import asyncio

from gateway.front.send_timeout import Unsent
from tests.support.fakes.fake_transport import FakeTransport

STALL = 0.01


class SlowCaller(FakeTransport):
    """Shows one after another of the sizes that wait, the last of them from then on."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self._sizes = list(sizes)
        self.cut_off = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self._sizes.pop(0) if len(self._sizes) > 1 else self._sizes[0]

    def abort(self) -> None:
        assert len(self._sizes) == 1
        self.cut_off.set()


def unsent() -> Unsent:
    return Unsent(asyncio.get_running_loop(), STALL)


async def test_a_caller_that_takes_nothing_is_cut_off() -> None:
    caller = SlowCaller(5)
    unsent().watch(caller)
    await caller.cut_off.wait()


async def test_a_caller_that_takes_a_little_now_and_then_is_waited_for() -> None:
    caller = SlowCaller(5, 4, 2, 1, 1)
    unsent().watch(caller)
    await caller.cut_off.wait()


async def test_nobody_is_cut_off_who_has_taken_everything() -> None:
    everything, caller = SlowCaller(0), SlowCaller(5)
    unsent().watch(everything)
    unsent().watch(caller)
    await caller.cut_off.wait()
    assert not everything.cut_off.is_set()


async def test_what_was_taken_in_time_is_watched_no_longer() -> None:
    async def taken() -> None:
        return

    in_time, caller = SlowCaller(5), SlowCaller(5)
    await unsent().taken(in_time, taken())
    unsent().watch(caller)
    await caller.cut_off.wait()
    assert not in_time.cut_off.is_set()
