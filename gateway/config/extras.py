"""Packages that only some configs need: extras of this distribution."""

from __future__ import annotations

from importlib.util import find_spec

_TRACING = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")

TRACING_REMEDY = "pip install 'session-gateway[otel]'"
"""What brings the packages that spans need."""


def is_tracing_installed() -> bool:
    """Tell whether the packages of the extra `otel` are here."""
    try:
        return all(find_spec(name) is not None for name in _TRACING)
    except ModuleNotFoundError:  # of a package above the one that is looked for
        return False
