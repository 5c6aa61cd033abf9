"""Whether spans are made of a request, and the sampled flag that its upstream gets (W3C Trace Context)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.trace_context import CurrentSpan, Trace, TracedRequest, Traces, current_span

_PARENT, _FLAGS = slice(36, 52), slice(53, 55)  # of `00-<32 digits>-<16 digits>-<2 digits>`


def _caller_context(flags: int) -> Context:
    """Return the context that a sampler gets for a remote caller with these flags; made once, not for each request."""
    caller = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(caller), _NO_CALLER)


_NO_CALLER = Context()
_CALLERS = (_caller_context(TraceFlags.DEFAULT), _caller_context(TraceFlags.SAMPLED))


class SampledTraces(Traces):
    """Continues or starts traces that hold spans of this gateway; the upstream gets its own span of ours as parent.

    `sampler` decides once for each request, and the flag that goes upstream is its decision (section 3.3.1.2 of Trace
    Context). The SDK's default samplers follow the caller's flag. `offset` returns the seconds that make epoch seconds
    of the monotonic clock's.
    """

    def __init__(self, random_hex: RandomHex, sampler: Sampler, offset: Callable[[], float]) -> None:
        super().__init__(random_hex)
        self._ids = random_hex
        self._sampler = sampler
        self._offset = offset

    def follow(self, values: Sequence[bytes]) -> Trace:
        """Return the trace of a request, and make its span the current one of this task."""
        trace = super().follow(values)
        trace_id, traceparent = int(trace.trace_id, 16), trace.traceparent
        flag = int(traceparent[_FLAGS], 16) & TraceFlags.SAMPLED
        context = _CALLERS[flag] if trace.continued else _NO_CALLER
        result = self._sampler.should_sample(context, trace_id, "request", SpanKind.SERVER)
        if result.decision is not Decision.RECORD_AND_SAMPLE:
            current_span.set(None)
            return self._unsampled(trace) if flag else trace
        random_hex = self._ids.draw()
        parent_id = int(traceparent[_PARENT], 16) if trace.continued else 0
        traced = TracedRequest(trace_id, int(random_hex[:16], 16), int(random_hex[16:], 16), parent_id, self._offset())
        current_span.set(CurrentSpan(traced, traced.span_id))
        return Trace(f"00-{trace.trace_id}-{random_hex[16:]}-01".encode(), trace.trace_id, trace.continued, traced)

    def _unsampled(self, trace: Trace) -> Trace:
        """Return the trace with its flag off; changing the flag requires a parent id of our own (section 3.4)."""
        parent = self._ids.draw()[:16]
        return Trace(f"00-{trace.trace_id}-{parent}-00".encode(), trace.trace_id, trace.continued)
