from datetime import UTC, datetime

import pytest

from gateway.dialects.dialect import InfoRequest
from gateway.endpoints.devices_page import DevicesPage
from gateway.model.answers import Unavailable
from gateway.model.refusal import Refusal, RefusalCode

INFO = InfoRequest(path="/p", now=datetime.fromtimestamp(0, UTC), request_id="req-1")


@pytest.mark.parametrize(("code", "status"), [(RefusalCode.FORBIDDEN, 403), (RefusalCode.INTERNAL, 500)])
def test_a_refusal_is_a_page(code: RefusalCode, status: int) -> None:
    response = DevicesPage().refuse(Refusal(code), INFO)
    assert response.status == status
    assert b"req-1" in response.body


def test_who_cannot_be_told_is_asked_to_come_again() -> None:
    response = DevicesPage().reject(Unavailable("away", 3), INFO)
    assert response.status == 503
    assert (b"Retry-After", b"3") in response.headers


def test_who_is_nobody_is_told_so() -> None:
    response = DevicesPage().reject(None, INFO)
    assert response.status == 401
    assert b"You are not signed in." in response.body
