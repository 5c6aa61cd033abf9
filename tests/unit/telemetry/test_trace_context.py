import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.trace_context import CurrentSpan, TracedRequest, Traces, current_span


def test_a_request_that_begins_has_asked_nobody_who_it_is() -> None:
    traced = TracedRequest(trace_id=1, span_id=2, upstream_id=3)
    assert (traced.parent_id, traced.resolve_id, traced.resolution) == (0, 0, None)


TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"
VALID = b"00-" + TRACE + b"-" + PARENT + b"-01"
STARTED = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01")


@pytest.fixture
def traces() -> Traces:
    return Traces(RandomHex())


@pytest.mark.parametrize("flags", [b"00", b"01", b"03", b"ff"])
def test_a_valid_trace_is_passed_on_unmodified(traces: Traces, flags: bytes) -> None:
    value = VALID[:-2] + flags
    trace = traces.follow([value])
    assert (trace.traceparent, trace.trace_id, trace.continued) == (value, TRACE.decode(), True)


@pytest.mark.parametrize("value", [b"01" + VALID[2:], b"cc" + VALID[2:] + b"-what-the-future-will-be-like"])
def test_a_later_version_is_continued_as_the_one_we_know(traces: Traces, value: bytes) -> None:
    assert traces.follow([value]).traceparent == VALID


def test_of_a_later_versions_flags_only_the_known_one_is_kept(traces: Traces) -> None:
    assert traces.follow([b"01" + VALID[2:-2] + b"fe"]).traceparent == VALID[:-2] + b"00"


@pytest.mark.parametrize(
    "values",
    [
        [],
        [VALID, VALID],
        [b""],
        [VALID + b"-"],
        [VALID + b"-extra"],
        [VALID + b"."],
        [VALID + b" "],
        [VALID[:-1]],
        [VALID.upper()],
        [b"ff" + VALID[2:]],
        [b"cc" + VALID[2:] + b".what"],
        [b"0" + VALID],
        [b"00-" + b"0" * 32 + b"-" + PARENT + b"-01"],
        [b"00-" + TRACE + b"-" + b"0" * 16 + b"-01"],
        [b"01" + VALID[2:] + b"-" + b"x" * 10_000],
        [VALID.replace(b"4b", b"4g")],
        [VALID.replace(b"-", b"_")],
    ],
)
def test_whatever_is_not_exactly_one_valid_value_starts_a_trace(traces: Traces, values: list[bytes]) -> None:
    trace = traces.follow(values)
    assert STARTED.fullmatch(trace.traceparent)
    assert trace.traceparent[3:35].decode() == trace.trace_id != TRACE.decode()
    assert not trace.continued


def test_traces_that_start_here_can_be_left_unsampled() -> None:
    assert Traces(RandomHex(), sampled=False).follow([]).traceparent.endswith(b"-00")


def test_no_two_requests_share_a_started_trace(traces: Traces) -> None:
    assert len({traces.follow([]).trace_id for _ in range(500)}) == 500


@given(
    value=st.binary(max_size=80)
    | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.?", fullmatch=True)
)
def test_what_goes_upstream_is_always_valid_version_00(value: bytes) -> None:
    trace = Traces(RandomHex()).follow([value])
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", trace.traceparent)
    assert trace.trace_id.strip("0")


async def test_a_look_up_s_own_task_knows_who_began_it() -> None:
    tasks = TaskKeeper()
    begun = asyncio.Event()

    async def look_up() -> CurrentSpan | None:
        await begun.wait()
        return current_span.get()

    before = current_span.get()
    mark = current_span.set(CurrentSpan(TracedRequest(1, 2, 3), 2))
    try:
        flight = tasks.start(look_up(), "look-up")
    finally:
        current_span.reset(mark)
    begun.set()
    around = await flight
    assert around is not None
    assert around.span_id == 2
    assert current_span.get() is before
