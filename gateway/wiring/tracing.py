"""Spans of requests, where the config asks for them. OpenTelemetry is imported then and not before: it takes 20 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import __version__
from gateway.config.settings import TelemetrySettings
from gateway.wiring.process import Process

if TYPE_CHECKING:
    from gateway.telemetry.tracing.tracer import Tracing


def tracing_of(settings: TelemetrySettings, process: Process) -> Tracing | None:
    """Return what makes spans, None where none are to be made.

    There is one for the process, which outlives generations: a reload loses no span. Raises GatewayError when the
    environment's OTEL_* variables cannot be used.
    """
    if settings.traces == "none":
        return None
    if process.tracing is None:
        from gateway.telemetry.tracing.tracer import Sources, open_tracing  # noqa: PLC0415 - see the module's docstring

        process.tracing = open_tracing(
            Sources(process.clock, process.now, process.random_hex, process.metrics.registry, __version__)
        )
    return process.tracing
