from gateway.model.answers import Reason


def test_reasons_are_spelled_as_the_outside_knows_them() -> None:
    assert {reason.value for reason in Reason} == {"unknown", "expired", "revoked", "gone", "forbidden", "ambiguous"}
