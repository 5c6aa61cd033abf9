import msgspec
import pytest

from gateway.telemetry.access_line import access_line
from gateway.telemetry.record import RequestRecord


def test_a_record_is_fit_for_the_log_from_its_first_moment() -> None:
    line = msgspec.to_builtins(access_line(RequestRecord("req-1", 10.0), "now"))
    assert line == {
        "log": "access",
        "time": "now",
        "request_id": "req-1",
        "endpoint": "proxy",
        "method": "",
        "path": "",
        "status": 0,
        "decision": "allowed",
        "total_ms": 0.0,
    }


def test_a_misspelt_field_is_an_error() -> None:
    record = RequestRecord("req-1", 10.0)
    with pytest.raises(AttributeError):
        record.bytes_inn = 1  # type: ignore[attr-defined]
