"""What one process has whatever its config: an event loop, clocks, a stream of log lines, metrics and tasks."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Coroutine
from typing import IO, TYPE_CHECKING, Any, Protocol

import structlog

from gateway import __version__
from gateway.model.session import RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.audit import AuditLog
from gateway.telemetry.forwarding_metrics import ForwardingMetrics
from gateway.telemetry.lines import LineBuffer, Timestamps, write_to
from gateway.telemetry.log_writer import LogWriter
from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from gateway.wiring.clock import wall_clock

if TYPE_CHECKING:
    from gateway.config.settings import TelemetrySettings
    from gateway.telemetry.tracing.tracer import Tracing

_log = structlog.get_logger(__name__)

_FLUSH_SECONDS = 0.25
"""For which an access line may wait for others: soon for a person, and hundreds of lines for a busy gateway."""

_YOUNG_OBJECTS = 10_000
"""New objects until the collector looks for cycles: Python's 700 are less than a hundred requests in flight hold, and
none of theirs are cycles. It was 7 percent of a request's cost."""


class TellOthers(Protocol):
    """Tells whoever else of this gateway caches what a target shows; `ended` says that it is never valid again."""

    async def __call__(self, target: RevocationTarget, *, ended: bool) -> bool:
        """Return whether all were told."""


async def nobody_else(target: RevocationTarget, *, ended: bool) -> bool:  # noqa: ARG001 - the type's
    """Where there is no other generation and no other worker."""
    return True


class Process:
    """Made once, on the running event loop; it outlives every generation.

    `clock` is in epoch seconds, `now` in monotonic ones. `draining` is set for good when the process is to end.
    `tell_others` reaches the generations and workers beside the one that serves.
    Log lines go to `output`, by default standard output. `tracing` is None until a config asks for it.
    """

    def __init__(self, output: IO[bytes] | None = None) -> None:
        stream = sys.stdout.buffer if output is None else output
        self.clock: Callable[[], float] = wall_clock
        self.now: Callable[[], float] = time.monotonic
        self.log_writer = LogWriter(write_to(stream), _tell_lost_lines)
        self.lines = LineBuffer(self.log_writer.put, finish=self.log_writer.finish)
        self.timestamps = Timestamps(self.clock)
        self.audit = AuditLog(self.lines, self.timestamps)
        self.random_hex = RandomHex()
        self.metrics = RequestMetrics(__version__, lambda: self.lines.lost + self.log_writer.lost)
        self.resolution_metrics = ResolutionMetrics(self.metrics.registry)
        self.forwarding_metrics = ForwardingMetrics(self.metrics.registry)
        self.tracing: Tracing | None = None
        self.tasks = TaskKeeper()
        self.tell_others: TellOthers = nobody_else
        self.draining = False
        self.serving = False

    def ready(self) -> bool:
        """Return whether new requests are served."""
        return self.serving and not self.draining

    def tracing_for(self, settings: TelemetrySettings) -> Tracing | None:
        """Return what makes spans, None where the config wants none.

        The process has one, which outlives generations: a reload loses no span. OpenTelemetry is imported here and not
        before, as it takes 20 MB. Raises GatewayError when the environment's OTEL_* variables cannot be used.
        """
        if settings.traces == "none":
            return None
        if self.tracing is None:
            from gateway.telemetry.tracing.tracer import TracingDependencies, open_tracing  # noqa: PLC0415 - see above

            sources = TracingDependencies(self.clock, self.now, self.random_hex, self.metrics.registry, __version__)
            self.tracing = open_tracing(sources)
        return self.tracing

    def flush_soon(self, flush: Callable[[], None]) -> None:
        """Call `flush` once more lines had time to come."""
        asyncio.get_running_loop().call_later(_FLUSH_SECONDS, flush)

    async def close(self) -> None:
        """Cancel the tasks that still run and write the last lines."""
        await self.tasks.aclose()
        self.lines.close()


def _tell_lost_lines(lines: int) -> None:
    """Say, once the log is read again, that something is missing there."""
    _log.warning("log_lines_lost", lines=lines)


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` on uvloop where it is installed, else on the standard loop; return its exit code."""
    _relieve_collector()
    try:
        import uvloop  # noqa: PLC0415 - optional, and not there on every platform
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def _relieve_collector() -> None:
    """Let the garbage collector skip what was imported, which lives as long as the process, and run less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
