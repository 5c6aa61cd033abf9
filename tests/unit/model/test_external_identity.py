from gateway.model.external_identity import ProviderTokens


def test_no_token_is_shown() -> None:
    assert "secret" not in repr(ProviderTokens("secret-id", "secret-refresh", 1.0))
