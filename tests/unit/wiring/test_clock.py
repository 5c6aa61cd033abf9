from __future__ import annotations

import time

from gateway.wiring.clock import wall_clock


def test_the_clock_is_the_wall_s() -> None:
    before, clock, after = time.time_ns() / 1e9, wall_clock(), time.time_ns() / 1e9
    assert before - 1 < clock < after + 1
