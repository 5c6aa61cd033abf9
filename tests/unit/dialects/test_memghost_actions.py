from datetime import UTC, datetime

import msgspec
import pytest

from gateway.dialects.dialect import InfoRequest
from gateway.dialects.memghost_actions import MemghostActions
from gateway.model.refusal import Refusal, RefusalCode

INFO = InfoRequest(path="/p", now=datetime.fromtimestamp(0, UTC))
BOTH = MemghostActions(("logout", "refresh"))


def test_each_action_that_is_listed_has_its_paths() -> None:
    assert {path for each in BOTH.actions for path in each.paths} == {
        "/auth/logout",
        "/api/v1/auth/logout",
        "/auth/refresh",
        "/api/v1/auth/refresh",
    }
    assert [each.paths[0] for each in MemghostActions(("refresh",)).actions] == ["/auth/refresh"]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (RefusalCode.FORBIDDEN, 403, "unauthorized"),
        (RefusalCode.NOT_FOUND, 401, "unauthorized"),
        (RefusalCode.MALFORMED, 400, "invalid_request"),
        (RefusalCode.TOO_LARGE, 413, "invalid_request"),
        (RefusalCode.METHOD_NOT_ALLOWED, 405, "invalid_request"),
        (RefusalCode.RATE_LIMITED, 429, "rate_limit_exceeded"),
        (RefusalCode.UNAVAILABLE, 503, "internal_error"),
        (RefusalCode.INTERNAL, 500, "internal_error"),
    ],
)
def test_each_refusal_is_in_the_products_words(code: RefusalCode, status: int, error: str) -> None:
    response = BOTH.refuse(Refusal(code, retry_after=1), INFO)
    assert (response.status, msgspec.json.decode(response.body)["error"]) == (status, error)


def test_a_caller_who_is_nobody_is_401() -> None:
    assert BOTH.reject(None, INFO).status == 401
