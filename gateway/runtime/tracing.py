"""Spans of requests, where the config asks for them. OpenTelemetry is imported then and not before: it takes 20 MB."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.runtime.process import Process
from gateway.runtime.settings import TelemetrySettings

if TYPE_CHECKING:
    from gateway.telemetry.tracing.tracing import Tracing

_NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")

REMEDY = "pip install 'session-gateway[otel]'"
"""What brings the packages that spans need."""


def tracing_of(settings: TelemetrySettings, process: Process) -> Tracing | None:
    """Return what makes spans, None where none are to be made.

    There is one for the process, which outlives generations: a reload loses no span. Raises GatewayError when the
    environment's OTEL_* variables cannot be used.
    """
    if settings.traces == "none":
        return None
    if process.tracing is None:
        from gateway.telemetry.tracing.tracing import Sources, open_tracing  # noqa: PLC0415 - see the module's docstring

        process.tracing = open_tracing(
            Sources(process.clock, process.now, process.random_hex, process.metrics.registry, __version__)
        )
    return process.tracing


def is_installed() -> bool:
    """Tell whether the packages of the extra `otel` are here."""
    try:
        return all(find_spec(name) is not None for name in _NEEDED)
    except ModuleNotFoundError:  # of a package above the one that is looked for
        return False
