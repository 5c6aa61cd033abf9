import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.lines import LineBuffer
from gateway.telemetry.timestamps import Stamps
from tests.support.builders.records import NOON, decision, finished

REFUSED = decision(Refusal(RefusalCode.FORBIDDEN))


class Output:
    """What was written, and the flushes that were asked for."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.due: list[Callable[[], None]] = []
        self.buffer = LineBuffer(self.writes.append)

    def log(self, **options: Any) -> AccessLog:
        return AccessLog(self.buffer, self.due.append, Stamps(lambda: NOON), **{"chance": lambda: 0.5, **options})

    def lines(self) -> list[dict[str, Any]]:
        self.buffer.flush()
        return [json.loads(line) for line in b"".join(self.writes).splitlines()]


def test_lines_wait_for_one_flush_that_is_asked_for_once() -> None:
    output = Output()
    log = output.log()
    for _ in range(3):
        log.write(finished(decision()))
    assert output.writes == []
    assert len(output.due) == 1
    output.due[0]()
    assert len(output.writes) == 1
    assert [line["path"] for line in output.lines()] == ["/orders/1"] * 3
    log.write(finished(decision()))
    assert len(output.due) == 2


def test_a_line_is_one_line_of_json_with_its_time() -> None:
    output = Output()
    record = finished(decision())
    record.path = '/a"b\nc\x1b'
    output.log().write(record)
    output.buffer.flush()
    assert output.writes[0].count(b"\n") == 1
    assert (output.lines()[0]["path"], output.lines()[0]["time"]) == (record.path, "2026-01-31T12:00:00.250Z")


@pytest.mark.parametrize(("share", "kept"), [(1.0, 1), (0.6, 1), (0.5, 0), (0.0, 0)])
def test_allowed_requests_are_sampled(share: float, kept: int) -> None:
    output = Output()
    output.log(sample_allowed=share).write(finished(decision()))
    assert len(output.lines()) == kept


@pytest.mark.parametrize(
    ("judged", "status", "fault"),
    [(REFUSED, 403, ""), (decision(), 502, "connect refused"), (decision(), 200, "client gone"), (None, 400, "")],
)
def test_whatever_went_wrong_is_always_written(judged: Decision | None, status: int, fault: str) -> None:
    output = Output()
    record = finished(judged, status)
    record.fault = fault
    output.log(sample_allowed=0.0).write(record)
    assert len(output.lines()) == 1


def test_bytes_that_are_no_text_are_escaped() -> None:
    output = Output()
    record = finished(None, 400)
    record.path = "/adm\udcffin"
    output.log().write(record)
    assert output.lines()[0]["path"] == "/adm\\udcffin"


def test_lines_can_be_encoded_otherwise() -> None:
    output = Output()
    output.log(encode=lambda line: f"{line.status}\n".encode()).write(finished(decision()))
    output.buffer.flush()
    assert output.writes == [b"200\n"]
