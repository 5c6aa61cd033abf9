import msgspec
import pytest

from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.access_log import access_line
from gateway.telemetry.record import Outcome, RequestRecord, outcome_of
from tests.support.builders.records import decision, finished


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


@pytest.mark.parametrize(
    ("judged", "status", "outcome"),
    [
        (decision(), 200, Outcome.ALLOWED),
        (decision(), 403, Outcome.ALLOWED),  # the upstream's own no
        (decision(), 502, Outcome.ALLOWED),
        (decision(Refusal(RefusalCode.UNAUTHENTICATED)), 401, Outcome.REFUSED),
        (decision(Refusal(RefusalCode.RATE_LIMITED)), 429, Outcome.REFUSED),
        (decision(Refusal(RefusalCode.UNAVAILABLE)), 503, Outcome.ERROR),
        (None, 400, Outcome.REFUSED),
        (None, 200, Outcome.ALLOWED),
        (None, 500, Outcome.ERROR),
        (None, 0, Outcome.ALLOWED),
    ],
)
def test_the_decision_tells_and_without_one_the_status(judged: Decision | None, status: int, outcome: Outcome) -> None:
    assert outcome_of(finished(judged, status)) is outcome
