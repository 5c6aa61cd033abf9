"""What the spans of one sampled request are made of, besides its record; nothing here knows who exports them."""

from __future__ import annotations

from gateway.model.answers import Resolution


class Traced:
    """The ids of one request's spans, and what was noted of its resolving.

    `span_id` is the request's own, `parent_id` its caller's (0 where the trace begins here), `upstream_id` the one
    that the upstream is told as its parent. `resolve_id` is 0 until somebody is resolved. Instants are of the
    monotonic clock, in seconds; `offset` is what makes epoch seconds of them, the same for every span of the request,
    so that none begins before the one that it hangs under.
    """

    __slots__ = (
        "offset",
        "parent_id",
        "resolution",
        "resolve_began",
        "resolve_ended",
        "resolve_id",
        "span_id",
        "trace_id",
        "upstream_id",
    )

    def __init__(self, trace_id: int, span_id: int, upstream_id: int, parent_id: int = 0, offset: float = 0.0) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.upstream_id = upstream_id
        self.parent_id = parent_id
        self.offset = offset
        self.resolve_id = 0
        self.resolve_began = 0.0
        self.resolve_ended = 0.0
        self.resolution: Resolution | None = None
