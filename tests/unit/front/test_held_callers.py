from __future__ import annotations

from gateway.front.held_callers import HeldCallers
from tests.support.fakes.manual_loop import ManualLoop


class Caller:
    def __init__(self) -> None:
        self.gone = False
        self.looks = 0
        self.closed = False

    def has_left(self) -> bool:
        self.looks += 1
        return self.gone

    def leave(self) -> None:
        self.closed = True


def test_held_callers_are_looked_at_until_they_are_read_again_or_have_left() -> None:
    loop = ManualLoop()
    held = HeldCallers(loop.as_loop)
    stays, leaves, read = Caller(), Caller(), Caller()
    for caller in (stays, leaves, read):
        held.add(caller)
    loop.advance(1.0)
    held.discard(read)
    leaves.gone = True
    loop.advance(3.0)
    assert [(caller.looks, caller.closed) for caller in (stays, leaves, read)] == [(4, False), (2, True), (1, False)]
    held.discard(stays)
    loop.advance(3.0)
    assert stays.looks == 4


def test_nobody_is_looked_at_in_the_end() -> None:
    loop, caller = ManualLoop(), Caller()
    held = HeldCallers(loop.as_loop)
    held.close()
    held.add(caller)
    held.close()
    loop.advance(5.0)
    assert caller.looks == 0
