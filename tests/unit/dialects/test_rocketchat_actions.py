from datetime import UTC, datetime
from typing import get_args

import pytest

from gateway.dialects.dialect import InfoRequest
from gateway.dialects.rocketchat import FOR_MANAGERS, RocketchatActionName
from gateway.dialects.rocketchat_actions import RocketchatActions
from gateway.dialects.settings import Profile
from gateway.model.answers import Found
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Session

INFO = InfoRequest(path="/p", now=datetime.fromtimestamp(0, UTC))
EVERY = RocketchatActions(get_args(RocketchatActionName), frozenset({"admin"}))


def test_what_is_for_managers_says_so() -> None:
    managed = {path for each in EVERY.actions if each.managers is not None for path in each.paths}
    assert managed == {f"/api/v1/{name}" for name in FOR_MANAGERS}
    assert {each.managers for each in EVERY.actions} == {None, frozenset({"admin"})}


def test_nothing_is_there_that_is_not_listed() -> None:
    assert [each.paths for each in RocketchatActions(("logout",)).actions] == [("/api/v1/logout",)]


@pytest.mark.parametrize(
    ("code", "documented", "product"),
    [
        (RefusalCode.FORBIDDEN, 403, 403),
        (RefusalCode.NOT_FOUND, 400, 404),
        (RefusalCode.MALFORMED, 400, 400),
        (RefusalCode.TOO_LARGE, 413, 413),
        (RefusalCode.METHOD_NOT_ALLOWED, 405, 405),
        (RefusalCode.UNAVAILABLE, 503, 503),
        (RefusalCode.INTERNAL, 500, 500),
    ],
)
def test_each_refusal_has_the_products_status(code: RefusalCode, documented: int, product: int) -> None:
    as_product = RocketchatActions((), profile=Profile.PRODUCT)
    assert EVERY.refuse(Refusal(code), INFO).status == documented
    assert as_product.refuse(Refusal(code), INFO).status == product


def test_a_caller_who_is_nobody_is_401() -> None:
    assert EVERY.reject(None, INFO).status == 401
    assert EVERY.reject(Found(Session(subject="u")), INFO).status == 400
