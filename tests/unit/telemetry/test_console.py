from gateway.model.answers import Reason, Rejected
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.access_line import access_line
from gateway.telemetry.console import ConsoleLines
from gateway.telemetry.record import RequestRecord
from tests.support.builders.records import decision, finished

TIME = "2026-01-31T12:00:00.250Z"


def shown(record: RequestRecord, *, colour: bool = False) -> str:
    return ConsoleLines(colour=colour)(access_line(record, TIME)).decode()


def test_an_allowed_request_reads_as_a_sentence() -> None:
    record = finished(decision())
    record.finished = 10.00325
    assert shown(record) == "12:00:00.250 GET 200 /orders/1 allowed orders api_key user_1 memory 3.2ms\n"


def test_a_refusal_says_why() -> None:
    refusal = Refusal(RefusalCode.UNAUTHENTICATED, rejected=Reason.EXPIRED)
    line = shown(finished(decision(refusal, Rejected(Reason.EXPIRED)), 401))
    assert line.startswith(
        "12:00:00.250 GET 401 /orders/1 refused orders api_key memory unauthenticated expired access "
    )


def test_a_terminal_gets_no_control_characters_from_a_caller() -> None:
    record = finished(None, 400)
    record.path = "/\x1b[2J\r\n\udcff"
    line = shown(record)
    assert "\\x1b[2J\\x0d\\x0a\\xdcff" in line
    assert line.count("\n") == 1


def test_colour_marks_the_outcome_only_where_it_is_wanted() -> None:
    refused = finished(decision(Refusal(RefusalCode.FORBIDDEN)), 403)
    assert "\x1b[33m" in shown(refused, colour=True)
    assert "\x1b[32m" in shown(finished(decision()), colour=True)
    assert "\x1b" not in shown(refused)


def test_a_stale_answer_is_marked() -> None:
    assert " allowed, stale orders " in shown(finished(decision(stale=True)))
