import json
from collections.abc import Callable, Sequence
from io import BytesIO

import pytest

from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.exposition import render, snapshot
from gateway.telemetry.forwarding_metrics import ForwardingMetrics
from gateway.telemetry.journal import Journal
from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.metrics import RequestMetrics
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.request_ids import RandomHex, RequestIds
from gateway.telemetry.trace_context import Trace, TracedRequest, Traces


class Book:
    """A journal and what can be seen of it from outside."""

    def __init__(self, traces: Traces | None = None, *sinks: Callable[[RequestRecord], None]) -> None:
        self.written = BytesIO()
        self.lines = LineBuffer(self.written.write)
        self.metrics = RequestMetrics("test", lambda: 0)
        log = AccessLog(self.lines, lambda flush: flush(), Timestamps(lambda: 0.0), chance=lambda: 0.0)
        ticks = iter(range(1, 100))
        random_hex = RandomHex()
        self.journal = Journal(
            RequestIds(random_hex),
            traces or Traces(random_hex),
            self.metrics,
            [ForwardingMetrics(self.metrics.registry).ended, log.write, *sinks],
            lambda: next(ticks),
        )


@pytest.fixture
def book() -> Book:
    return Book()


def test_a_request_leaves_one_line_and_one_count(book: Book) -> None:
    record = book.journal.open((), None)
    assert b"gateway_requests_in_flight 1.0" in render(snapshot(book.metrics.registry))[0]
    record.method, record.status = "GET", 404
    book.journal.close(record)
    (line,) = book.written.getvalue().splitlines()
    assert json.loads(line)["request_id"] == record.request_id
    assert json.loads(line)["total_ms"] == 1000.0
    assert b"gateway_requests_in_flight 0.0" in render(snapshot(book.metrics.registry))[0]
    assert b'status="404"} 1.0' in render(snapshot(book.metrics.registry))[0]


def test_a_strangers_request_id_is_not_taken_over(book: Book) -> None:
    assert book.journal.open((), None).request_id != "mine"
    assert book.journal.open((), (b"mine",)).request_id == "mine"


def test_a_valid_trace_is_continued(book: Book) -> None:
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    record = book.journal.open((parent,), None)
    assert record.traceparent == parent
    assert record.trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_what_an_upstream_took_is_counted(book: Book) -> None:
    record = book.journal.open((), None)
    record.upstream, record.upstream_began, record.upstream_first_byte = "http://orders:8000", 1.0, 1.2
    book.journal.close(record)
    text = render(snapshot(book.metrics.registry))[0]
    assert b'gateway_upstream_seconds_count{upstream="http://orders:8000"} 1.0' in text


def test_a_trace_that_is_continued_is_the_callers() -> None:
    book = Book()
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert book.journal.open((parent,), None).trace_continued
    assert not book.journal.open((b"broken",), None).trace_continued
    assert not book.journal.open((), None).trace_continued


class EverySecond(Traces):
    """Traces every second request, the first not."""

    def __init__(self) -> None:
        super().__init__(RandomHex())
        self._count = 0

    def follow(self, values: Sequence[bytes]) -> Trace:
        assert not values
        self._count += 1
        traced = None if self._count % 2 else TracedRequest(1, 2, 3)
        return Trace(b"00-trace", "trace", continued=False, traced=traced)


def test_each_sink_gets_a_record_once_its_request_has_ended() -> None:
    ended: list[RequestRecord] = []
    book = Book(EverySecond(), ended.append)
    records = [book.journal.open((), None) for _ in range(4)]
    assert not ended
    for record in records:
        book.journal.close(record)
    assert ended == records
    assert [record.traced is not None for record in records] == [False, True, False, True]
    assert all(record.finished for record in ended)
