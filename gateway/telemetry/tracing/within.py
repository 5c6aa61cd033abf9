"""Under which span something is done: carried by the task's context, so that a look-up's own task knows it as well."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec

from gateway.telemetry.traced import Traced


class Within(msgspec.Struct, frozen=True, gc=False):
    """A sampled request, and the span of it under which new ones hang."""

    traced: Traced
    span_id: int


within: ContextVar[Within | None] = ContextVar("within", default=None)
"""None outside of requests, and in those that are not sampled. A connection's task sets it anew for each request."""
