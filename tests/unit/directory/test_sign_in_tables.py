from gateway.directory.sign_in_tables import identities, passwords, provider_sessions, used_token_ids


def test_what_is_a_persons_goes_with_the_person_and_what_is_a_sessions_with_the_session() -> None:
    for table, column in ((identities, "user_id"), (passwords, "user_id"), (provider_sessions, "session_id")):
        (key,) = table.c[column].foreign_keys
        assert key.ondelete == "CASCADE"


def test_an_issuer_names_a_person_once_and_uses_a_token_once() -> None:
    assert [column.name for column in identities.primary_key] == ["issuer", "subject"]
    assert [column.name for column in used_token_ids.primary_key] == ["issuer", "jti"]
