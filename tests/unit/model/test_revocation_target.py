from gateway.model.revocation_target import RevocationKind


def test_what_can_be_ended_is_spelled_as_the_admin_port_knows_it() -> None:
    assert {kind.value for kind in RevocationKind} == {"session", "user", "api_key", "organization", "credential"}
