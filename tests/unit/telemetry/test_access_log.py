import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.model.answers import Reason, Rejected
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.access_log import AccessLog, ConsoleLines, access_line
from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.record import RequestRecord
from tests.support.builders.records import API_KEY, CREDENTIAL, NOON, decision, finished

TIME = "2026-01-31T12:00:00.250Z"


def test_an_allowed_request_tells_the_whole_journey() -> None:
    line = msgspec.to_builtins(access_line(finished(decision()), TIME))
    assert line == {
        "log": "access",
        "time": TIME,
        "request_id": "req-1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "endpoint": "proxy",
        "client": "192.0.2.1",
        "method": "GET",
        "host": "api.example.com",
        "path": "/orders/1",
        "route": "orders",
        "decision": "allowed",
        "rule": "access",
        "credential": "api_key",
        "reader": "project_key",
        "fingerprint": "a0a1a2a3",
        "subject": "user_1",
        "tier": "memory",
        "authority": "accounts",
        "age": 2.5,
        "upstream": "http://orders:8000",
        "upstream_status": 200,
        "status": 200,
        "bytes_in": 5,
        "bytes_out": 1234,
        "decide_ms": pytest.approx(0.5, abs=0.002),
        "first_byte_ms": pytest.approx(2.0, abs=0.002),
        "total_ms": pytest.approx(4.0, abs=0.002),
    }


def test_a_refusal_says_why() -> None:
    refusal = Refusal(RefusalCode.UNAUTHENTICATED, "the key has expired", Reason.EXPIRED)
    line = access_line(finished(decision(refusal, Rejected(Reason.EXPIRED)), 401), TIME)
    assert (line.decision, line.reason, line.rejected, line.detail) == (
        "refused",
        "unauthenticated",
        "expired",
        "the key has expired",
    )
    assert (line.tier, line.subject) == ("memory", "")


def test_a_request_that_was_never_judged_has_a_line_too() -> None:
    record = finished(None, 400)
    record.decided = record.upstream_began = record.upstream_first_byte = 0.0
    line = msgspec.to_builtins(access_line(record, TIME))
    assert (line["decision"], line["status"]) == ("refused", 400)
    assert not {"rule", "route", "tier", "decide_ms", "first_byte_ms", "reason"} & line.keys()


def test_trouble_on_the_way_is_told() -> None:
    record = finished(decision(stale=True), 502)
    record.fault = "connect refused"
    record.retried = record.upgraded = True
    line = access_line(record, TIME)
    assert (line.fault, line.retried, line.upgraded, line.stale) == ("connect refused", True, True, True)


def test_neither_the_query_nor_the_credential_is_in_the_line() -> None:
    record = finished(decision())
    record.path = f"/session?__dev_session__={API_KEY}"
    text = str(msgspec.to_builtins(access_line(record, TIME)))
    assert API_KEY not in text
    assert "__dev_session__" not in text
    assert CREDENTIAL.fingerprint.hex() not in text


@pytest.mark.parametrize("target", ["http://user:hunter2@host/a", "user:hunter2@host:443", "http://u:hunter2@h/?a=/@"])
def test_a_refused_targets_password_is_not_in_the_line(target: str) -> None:
    record = finished(None, 400)
    record.path = target
    assert "hunter2" not in access_line(record, TIME).path


def test_a_long_path_is_cut() -> None:
    record = finished()
    record.path = "/" + "a" * 8192
    assert len(access_line(record, TIME).path) == 1024


def test_clocks_that_never_started_give_no_times() -> None:
    record = finished(decision())
    record.finished = 0.0
    assert access_line(record, TIME).total_ms == 0.0


REFUSED = decision(Refusal(RefusalCode.FORBIDDEN))


class Output:
    """What was written, and the flushes that were asked for."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.due: list[Callable[[], None]] = []
        self.buffer = LineBuffer(self.writes.append)

    def log(self, **options: Any) -> AccessLog:
        return AccessLog(self.buffer, self.due.append, Timestamps(lambda: NOON), **{"chance": lambda: 0.5, **options})

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


@pytest.mark.parametrize(("share", "written"), [(1.0, 1), (0.6, 1), (0.5, 0), (0.0, 0)])
def test_allowed_requests_are_sampled(share: float, written: int) -> None:
    output = Output()
    output.log(sample_allowed=share).write(finished(decision()))
    assert len(output.lines()) == written


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


def console_line(record: RequestRecord, *, colour: bool = False) -> str:
    return ConsoleLines(colour=colour)(access_line(record, TIME)).decode()


def test_an_allowed_request_reads_as_a_sentence() -> None:
    record = finished(decision())
    record.finished = 10.00325
    assert console_line(record) == "12:00:00.250 GET 200 /orders/1 allowed orders api_key user_1 memory 3.2ms\n"


def test_a_refusal_on_a_terminal_says_why() -> None:
    refusal = Refusal(RefusalCode.UNAUTHENTICATED, rejected=Reason.EXPIRED)
    line = console_line(finished(decision(refusal, Rejected(Reason.EXPIRED)), 401))
    assert line.startswith(
        "12:00:00.250 GET 401 /orders/1 refused orders api_key memory unauthenticated expired access "
    )


def test_a_terminal_gets_no_control_characters_from_a_caller() -> None:
    record = finished(None, 400)
    record.path = "/\x1b[2J\r\n\udcff"
    line = console_line(record)
    assert "\\x1b[2J\\x0d\\x0a\\xdcff" in line
    assert line.count("\n") == 1


def test_colour_marks_the_outcome_only_where_it_is_wanted() -> None:
    refused = finished(decision(Refusal(RefusalCode.FORBIDDEN)), 403)
    assert "\x1b[33m" in console_line(refused, colour=True)
    assert "\x1b[32m" in console_line(finished(decision()), colour=True)
    assert "\x1b" not in console_line(refused)


def test_a_stale_answer_is_marked() -> None:
    assert " allowed, stale orders " in console_line(finished(decision(stale=True)))
