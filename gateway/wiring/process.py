"""What one process has whatever its config: clocks, a stream of log lines, metrics and kept tasks."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from gateway import __version__
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.audit import AuditLog
from gateway.telemetry.forwarding_metrics import ForwardingMetrics
from gateway.telemetry.lines import LineBuffer, write_shared, write_to
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from gateway.telemetry.timestamps import Stamps

if TYPE_CHECKING:
    from gateway.telemetry.tracing.tracer import Tracing

_FLUSH_EVERY = 0.25
"""Seconds that an access line may wait for others: a quarter of a second is soon to a person, and hundreds of lines
to a busy gateway."""


wall_clock: Callable[[], float] = time.time  # noqa: TID251 - this is the place that the ban names
"""The time in epoch seconds; the one real clock, handed in to whoever needs it."""


class Process:
    """Made once, on the running event loop; generations come and go within it.

    `clock` is in epoch seconds, `now` monotonic. `draining` is set once and for all when the process is to end.
    `shared`: other processes write to `output` as well. `tracing` is there once a config asked for it.
    """

    def __init__(self, output: IO[bytes] = sys.stdout.buffer, *, shared: bool = False) -> None:
        self.clock: Callable[[], float] = wall_clock
        self.now: Callable[[], float] = time.monotonic
        self.lines = LineBuffer(write_shared(output) if shared else write_to(output))
        self.stamps = Stamps(self.clock)
        self.audit = AuditLog(self.lines, self.stamps)
        self.random_hex = RandomHex()
        self.metrics = Metrics(__version__, lambda: self.lines.lost)
        self.resolution_metrics = ResolutionMetrics(self.metrics.registry)
        self.forwarding_metrics = ForwardingMetrics(self.metrics.registry)
        self.tracing: Tracing | None = None
        self.tasks = TaskKeeper()
        self.draining = False
        self.serving = False

    def ready(self) -> bool:
        """Tell whether new requests are welcome."""
        return self.serving and not self.draining

    def flush_soon(self, flush: Callable[[], None]) -> None:
        """Call `flush` after a moment in which more lines may come."""
        asyncio.get_running_loop().call_later(_FLUSH_EVERY, flush)

    async def close(self) -> None:
        """End what still runs and write the last lines."""
        await self.tasks.aclose()
        self.lines.flush()
