"""Whether spans are made of a request, and what its upstream is told of that (W3C Trace Context)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.trace_context import Trace, Traces
from gateway.telemetry.traced import Traced
from gateway.telemetry.tracing.within import Within, within

_PARENT, _FLAGS = slice(36, 52), slice(53, 55)  # of `00-<32 digits>-<16 digits>-<2 digits>`


def _seen(flags: int) -> Context:
    """Return what a sampler sees of a caller: that there is one elsewhere, and its flag. Made once, not each time."""
    caller = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(caller), _NOBODY)


_NOBODY = Context()
_CALLERS = (_seen(TraceFlags.DEFAULT), _seen(TraceFlags.SAMPLED))


class SampledTraces(Traces):
    """Continues or starts traces in which spans of this gateway stand; the upstream is told the one that led to it.

    `sampler` decides, once for each request, and the flag that goes upstream says what it decided (section 3.3.1.2 of
    Trace Context). The SDK's own, by default, do as the caller's flag says. `offset` returns what makes epoch seconds
    of the monotonic clock's.
    """

    def __init__(self, random_hex: RandomHex, sampler: Sampler, offset: Callable[[], float]) -> None:
        super().__init__(random_hex)
        self._ids = random_hex
        self._sampler = sampler
        self._offset = offset

    def follow(self, values: Sequence[bytes]) -> Trace:
        """Return the trace of a request, and let whatever is done from now on in this task stand within it."""
        trace = super().follow(values)
        trace_id, told = int(trace.trace_id, 16), trace.traceparent
        flag = int(told[_FLAGS], 16) & TraceFlags.SAMPLED
        seen = _CALLERS[flag] if trace.continued else _NOBODY
        result = self._sampler.should_sample(seen, trace_id, "request", SpanKind.SERVER)
        if result.decision is not Decision.RECORD_AND_SAMPLE:
            within.set(None)
            return self._unsampled(trace) if flag else trace
        drawn = self._ids.draw()
        parent_id = int(told[_PARENT], 16) if trace.continued else 0
        traced = Traced(trace_id, int(drawn[:16], 16), int(drawn[16:], 16), parent_id, self._offset())
        within.set(Within(traced, traced.span_id))
        return Trace(f"00-{trace.trace_id}-{drawn[16:]}-01".encode(), trace.trace_id, trace.continued, traced)

    def _unsampled(self, trace: Trace) -> Trace:
        """Return the trace with its flag off. Who changes the flag names a parent of its own (section 3.4)."""
        parent = self._ids.draw()[:16]
        return Trace(f"00-{trace.trace_id}-{parent}-00".encode(), trace.trace_id, trace.continued)
