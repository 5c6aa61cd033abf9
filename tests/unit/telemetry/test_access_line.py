import msgspec
import pytest

from gateway.model.answers import Reason, Rejected
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.access_line import access_line
from tests.support.builders.records import API_KEY, CREDENTIAL, decision, finished

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
