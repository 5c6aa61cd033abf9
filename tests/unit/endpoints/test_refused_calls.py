import pytest

from gateway.dialects.action import MalformedCallError, ThrottledCallError
from gateway.endpoints.refused_calls import RefusedCallError, refused_by
from gateway.model.errors import DirectoryError, InvalidRecordError, MissingRecordError
from gateway.model.refusal import RefusalCode


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        (RefusedCallError(RefusalCode.FORBIDDEN, "an API key"), RefusalCode.FORBIDDEN, None),
        (ThrottledCallError(7), RefusalCode.RATE_LIMITED, 7),
        (MissingRecordError("x"), RefusalCode.NOT_FOUND, None),
        (MalformedCallError("x"), RefusalCode.MALFORMED, None),
        (InvalidRecordError("x"), RefusalCode.MALFORMED, None),
        (DirectoryError("down"), RefusalCode.UNAVAILABLE, 1),
    ],
)
def test_each_error_of_an_action_is_a_refusal(error: Exception, code: RefusalCode, retry_after: int | None) -> None:
    refused = refused_by(error)
    assert refused is not None
    assert (refused.refusal.code, refused.refusal.retry_after) == (code, retry_after)


def test_any_other_error_is_a_fault_of_ours() -> None:
    assert refused_by(ValueError("x")) is None
