import pytest

from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.outcome import Outcome, outcome_of
from tests.support.builders.records import decision, finished


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
