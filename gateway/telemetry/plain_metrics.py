"""Metrics as plain numbers, handed over when the registry is asked for them.

The client library's counters take a lock and check labels each time, which would cost a request several times as much.
One event loop only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: from what a memory hit adds, or a neighbour's answer, to the default `timeouts.response`."""


class Collected:
    """A collector, as the registry knows them, out of a function."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect


class Durations:
    """One histogram's cell: counts beside each bucket's bound, and the sum, in seconds."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one that took so long."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as the exposition format has them."""
        shown: list[tuple[str, float]] = []
        count = 0
        for bound, cell in zip((*map(str, _BOUNDS), "+Inf"), self._counts, strict=True):
            count += cell
            shown.append((bound, float(count)))
        return shown
