from datetime import UTC, datetime

import pytest

from gateway.model.answers import NOBODY, Found, Reason, Rejected, Resolution, Unavailable
from gateway.model.session import Session


def test_reasons_are_spelled_as_the_outside_knows_them() -> None:
    assert {reason.value for reason in Reason} == {"unknown", "expired", "revoked", "gone", "forbidden", "ambiguous"}


def test_answers_of_one_reason_are_equal_whatever_more_they_say() -> None:
    told, untold = Rejected(Reason.UNKNOWN, "iss is none"), Rejected(Reason.UNKNOWN)
    assert told == untold
    assert hash(told) == hash(untold)
    assert told != Rejected(Reason.EXPIRED, "iss is none")
    assert told != Reason.UNKNOWN


LATER = datetime(2030, 1, 1, tzinfo=UTC)
LATEST = datetime(2031, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("answer", [None, Rejected(Reason.EXPIRED), Unavailable("down")])
def test_only_found_has_a_session(answer: Rejected | Unavailable | None) -> None:
    assert Resolution(answer).session is None
    assert Resolution(answer).expires_at is None
    assert NOBODY.session is None


def test_the_credentials_own_expiry_comes_before_the_sessions() -> None:
    session = Session(subject="u", expires_at=LATEST)
    assert Resolution(Found(session, expires_at=LATER)).expires_at == LATER
    assert Resolution(Found(session)).expires_at == LATEST
