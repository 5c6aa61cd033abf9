import pytest

from gateway.model.answers import Reason, Rejected, Unavailable
from gateway.model.refusal import Refusal, RefusalCode, mistake, refusal_of


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_code_has_a_status_and_a_fixed_message(code: RefusalCode) -> None:
    refusal = Refusal(code, detail="foreign bytes")
    assert 400 <= refusal.status <= 599
    assert "foreign bytes" not in refusal.message


def test_a_mistake_is_told_the_caller_by_its_kind() -> None:
    refusal = mistake(RefusalCode.MALFORMED, "the path holds an empty segment")
    assert refusal.message == "The request could not be understood: the path holds an empty segment."


def test_an_outage_never_suggests_401() -> None:
    assert Refusal(RefusalCode.UNAVAILABLE).status == 503


def test_the_log_is_told_more_than_the_caller() -> None:
    refusal = refusal_of(Rejected(Reason.UNKNOWN, "aud is 'shop', not one of orders"))
    assert refusal.detail == "credential unknown: aud is 'shop', not one of orders"
    assert "aud" not in refusal.message


def test_two_credentials_are_told_as_such() -> None:
    assert refusal_of(Rejected(Reason.AMBIGUOUS)).message == "Two credentials were sent, or one of them twice."


@pytest.mark.parametrize(
    ("answer", "status", "rejected"),
    [(None, 401, None), (Unavailable("the directory is away", 7), 503, None)]
    + [(Rejected(reason), 403 if reason is Reason.FORBIDDEN else 401, reason) for reason in Reason],
)
def test_what_a_look_up_answered_has_one_status(
    answer: Rejected | Unavailable | None, status: int, rejected: Reason | None
) -> None:
    refusal = refusal_of(answer)
    assert (refusal.status, refusal.rejected) == (status, rejected)
    assert refusal.retry_after == (answer.retry_after if isinstance(answer, Unavailable) else None)
