from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from gateway.dialects.dialect import InfoRequest
from gateway.dialects.wacht import WachtActionName
from gateway.dialects.wacht_actions import WachtActions
from gateway.model.refusal import Refusal, RefusalCode

INFO = InfoRequest(path="/p", now=datetime.fromtimestamp(0, UTC))
EVERY = WachtActions(get_args(WachtActionName))


def test_each_action_that_is_listed_has_its_path() -> None:
    assert {path for each in EVERY.actions for path in each.paths} == {
        f"/session/{name}" for name in get_args(WachtActionName)
    }
    assert [each.paths for each in WachtActions(("token",)).actions] == [("/session/token",)]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (RefusalCode.FORBIDDEN, 403),
        (RefusalCode.NOT_FOUND, 404),
        (RefusalCode.MALFORMED, 400),
        (RefusalCode.TOO_LARGE, 413),
        (RefusalCode.METHOD_NOT_ALLOWED, 405),
        (RefusalCode.UNAVAILABLE, 503),
        (RefusalCode.INTERNAL, 500),
    ],
)
def test_each_refusal_is_the_products_envelope(code: RefusalCode, status: int) -> None:
    response = EVERY.refuse(Refusal(code, retry_after=1), INFO)
    body = msgspec.json.decode(response.body)
    assert (response.status, body["status"], body["data"], len(body["errors"])) == (status, status, None, 1)


def test_a_caller_who_is_nobody_is_401() -> None:
    assert EVERY.reject(None, INFO).status == 401
