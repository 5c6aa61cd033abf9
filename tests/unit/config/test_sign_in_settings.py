import pytest
from pydantic import ValidationError

from gateway.config.sign_in_settings import OidcProviderSettings, SignInSettings
from gateway.model.route import LimitBy, RateLimit

PROVIDER = {"kind": "oidc", "issuer": "https://id.example.com", "client_id": "gw", "client_secret": "s"}


def test_the_limit_is_of_addresses_and_has_a_default() -> None:
    settings = SignInSettings.model_validate({"reader": "cookie", "providers": {"company": PROVIDER}})
    assert settings.rate_limit.to_rate_limit() == RateLimit(LimitBy.ADDRESS, 0.5, 30)
    assert settings.providers["company"].to_require().email_domains == frozenset()


@pytest.mark.parametrize(
    "more",
    [
        {"client_secret": None},
        {"issuer": ""},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"unknown": "perhaps"},
        {"auth": "private_key_jwt"},
    ],
)
def test_a_provider_that_cannot_be_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OidcProviderSettings.model_validate(PROVIDER | more)


def test_there_is_a_provider() -> None:
    with pytest.raises(ValidationError):
        SignInSettings.model_validate({"reader": "cookie", "providers": {}})
