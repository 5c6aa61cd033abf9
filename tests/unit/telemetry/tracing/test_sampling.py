from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, DEFAULT_OFF, DEFAULT_ON, Sampler, TraceIdRatioBased

from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.trace_context import current_span
from gateway.telemetry.tracing.sampling import SampledTraces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SHAPE = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")


@pytest.fixture(autouse=True)
def nowhere() -> Iterator[None]:
    """Leave nothing of a request to the tests that come after."""
    mark = current_span.set(None)
    yield
    current_span.reset(mark)


def caller(flags: str = "01", version: str = "00") -> bytes:
    return f"{version}-{TRACE}-{SPAN}-{flags}".encode()


def traces(sampler: Sampler = DEFAULT_ON) -> SampledTraces:
    return SampledTraces(RandomHex(), sampler, lambda: 1000.0)


@pytest.mark.parametrize("value", [caller(), caller("ff"), caller("03", "cc") + b"-more"])
def test_the_upstream_is_told_a_span_of_ours_in_the_callers_trace(value: bytes) -> None:
    trace = traces().follow([value])
    assert trace.traced is not None
    assert (trace.trace_id, trace.continued) == (TRACE, True)
    assert trace.traceparent == f"00-{TRACE}-{trace.traced.upstream_id:016x}-01".encode()
    assert (trace.traced.trace_id, trace.traced.parent_id) == (int(TRACE, 16), int(SPAN, 16))
    assert len({trace.traced.span_id, trace.traced.upstream_id, int(SPAN, 16)}) == 3
    assert trace.traced.offset == 1000.0


def test_a_trace_that_begins_here_has_no_parent() -> None:
    trace = traces().follow([])
    assert trace.traced is not None
    assert (trace.traced.parent_id, trace.continued) == (0, False)
    assert trace.traceparent == f"00-{trace.trace_id}-{trace.traced.upstream_id:016x}-01".encode()


@pytest.mark.parametrize(
    ("sampler", "values", "sampled"),
    [
        (DEFAULT_ON, [caller("00")], False),
        (DEFAULT_ON, [caller("02")], False),
        (DEFAULT_OFF, [caller("01")], True),
        (DEFAULT_OFF, [], False),
        (ALWAYS_ON, [caller("00")], True),
        (ALWAYS_OFF, [caller("01")], False),
        (TraceIdRatioBased(0.0), [caller("01")], False),
        (TraceIdRatioBased(1.0), [caller("00")], True),
    ],
)
def test_the_flag_that_goes_on_is_what_the_sampler_decided(
    sampler: Sampler, values: list[bytes], *, sampled: bool
) -> None:
    trace = traces(sampler).follow(values)
    assert (trace.traced is not None) is sampled
    assert int(trace.traceparent[-2:], 16) & 1 == sampled
    assert (current_span.get() is not None) is sampled


def test_who_samples_as_little_as_the_caller_passes_its_trace_on_unmodified() -> None:
    assert traces().follow([caller("02")]).traceparent == caller("02")


def test_who_changes_the_flag_is_a_parent_of_its_own() -> None:
    changed = traces(ALWAYS_OFF).follow([caller()])
    assert (changed.trace_id, changed.continued) == (TRACE, True)
    assert SPAN.encode() not in changed.traceparent


def test_a_request_that_is_not_sampled_stands_in_no_span_of_the_one_before_it() -> None:
    ours = traces()
    ours.follow([])
    assert current_span.get() is not None
    ours.follow([caller("00")])
    assert current_span.get() is None


@given(values=st.lists(st.binary(max_size=80), max_size=2), on=st.booleans())
def test_whatever_is_sent_one_well_formed_trace_goes_on(values: list[bytes], *, on: bool) -> None:
    trace = traces(DEFAULT_ON if on else DEFAULT_OFF).follow(values)
    assert trace.traceparent in values or SHAPE.fullmatch(trace.traceparent)
    assert trace.trace_id.encode() in trace.traceparent
