import pytest

from gateway.model.refusal import Refusal, RefusalCode


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_code_has_a_status_and_a_fixed_message(code: RefusalCode) -> None:
    refusal = Refusal(code, detail="foreign bytes")
    assert 400 <= refusal.status <= 599
    assert "foreign bytes" not in refusal.message


def test_an_outage_never_suggests_401() -> None:
    assert Refusal(RefusalCode.UNAVAILABLE).status == 503
