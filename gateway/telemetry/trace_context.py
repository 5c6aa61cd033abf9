"""W3C Trace Context: the trace that a request belongs to (https://www.w3.org/TR/trace-context/).

What spans are made of is recorded here too; nothing here knows who exports them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar

import msgspec

from gateway.model.answers import Resolution
from gateway.telemetry.request_ids import RandomHex


class TracedRequest:
    """The span ids of one sampled request, and the times of its resolution.

    `span_id` is the request's own span, `parent_id` its caller's (0 where the trace begins here), `upstream_id` the
    parent that the upstream gets. `resolve_id` is 0 until a credential is resolved. Instants are of the monotonic
    clock, in seconds; adding `offset` makes epoch seconds of them. It is the same for every span of the request, so
    that no span begins before its parent.
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


_TRACEPARENT = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_LONGEST = 512  # bytes: a later version may be longer than the 55 bytes of version 00, but not endless
_SAMPLED = 0x01
_NO_TRACE, _NO_PARENT = b"0" * 32, b"0" * 16  # ids that stand for none


class Trace(msgspec.Struct, frozen=True, gc=False):
    """The `traceparent` that goes upstream, and its trace id for the log.

    `continued` is false for a trace that begins here: a `tracestate` of the request then belongs to another trace and
    must not be forwarded (section 3.3). `traced` is set when spans are made of the request.
    """

    traceparent: bytes
    trace_id: str
    continued: bool
    traced: TracedRequest | None = None


class Traces:
    """Continues the caller's trace if it is valid, else starts one; anybody's is believed, since it decides nothing.

    A continued trace is forwarded unmodified (section 3.4): no span of ours is exported, so naming one as the parent
    would cut the caller's tree in two. `sampled` is the flag of traces that start here: without it, upstreams whose
    sampler follows the parent (OpenTelemetry's default) would record nothing.
    """

    def __init__(self, random_hex: RandomHex, *, sampled: bool = True) -> None:
        self._random_hex = random_hex
        self._flags = "01" if sampled else "00"

    def follow(self, values: Sequence[bytes]) -> Trace:
        """Return the trace of a request from its `traceparent` fields (section 3.2); two of them are none."""
        if len(values) == 1:
            continued = _continued(values[0])
            if continued is not None:
                return continued
        # Section 3.2.2.3 and 3.2.2.4 forbid ids of zeros alone; chance makes one in 2^64.
        trace_id, parent_id = self._random_hex.draw(), self._random_hex.draw()[:16]
        return Trace(f"00-{trace_id}-{parent_id}-{self._flags}".encode(), trace_id, continued=False)


def _continued(value: bytes) -> Trace | None:
    """Parse one value strictly; a later version is rewritten as version 00, the one that we know (section 3.2.4)."""
    match = _TRACEPARENT.fullmatch(value) if len(value) <= _LONGEST else None
    if match is None:
        return None
    version, trace, parent, flags, rest = match.groups()
    if version == b"ff" or trace == _NO_TRACE or parent == _NO_PARENT:
        return None
    trace_id = trace.decode("ascii")
    if version == b"00":
        return None if rest else Trace(value, trace_id, continued=True)
    rewritten = b"00-%b-%b-%02x" % (trace, parent, int(flags, 16) & _SAMPLED)
    return Trace(rewritten, trace_id, continued=True)


class CurrentSpan(msgspec.Struct, frozen=True, gc=False):
    """A sampled request, and that span of it which is the parent of new ones."""

    traced: TracedRequest
    span_id: int


current_span: ContextVar[CurrentSpan | None] = ContextVar("current_span", default=None)
"""None outside of requests, and in those that are not sampled.

The task's context carries it, so that a look-up in a task of its own has it too; a connection's task sets it anew for
each request.
"""
