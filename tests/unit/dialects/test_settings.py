from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.dialects.settings import EndpointLimitSettings, EndpointSettings, Profile
from gateway.model.route import LimitBy, RateLimit


def test_what_is_not_said_is_safe() -> None:
    settings = EndpointSettings(credentials="token")
    assert settings.credentials == ("token",)
    assert (settings.hosts, settings.cors, settings.rate_limit) == ((), None, None)
    assert settings.profile is Profile.DOCUMENTED


def test_a_limit_is_of_addresses_unless_the_config_says_whose() -> None:
    limit = EndpointLimitSettings.model_validate({"rate": "20/s", "burst": 40})
    assert limit.to_rate_limit() == RateLimit(LimitBy.ADDRESS, 20.0, 40)
    session = EndpointLimitSettings.model_validate({"per": "session", "rate": "1/m", "burst": 1})
    assert session.to_rate_limit() == RateLimit(LimitBy.SESSION, 1 / 60, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"credentials": []},
        {"credentials": "token", "cors": {"origins": []}},
        {"credentials": "token", "cors": {"origins": ["*"]}},
        {"credentials": "token", "hosts": ["api.example.com:8080"]},
        {"credentials": "token", "profile": "real"},
        {"credentials": "token", "rate_limit": {"rate": "20/s", "burst": 0}},
        {"credentials": "token", "unheard": "of"},
    ],
)
def test_what_would_not_work_is_a_problem(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EndpointSettings.model_validate(wrong)
