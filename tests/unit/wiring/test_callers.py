from __future__ import annotations

from gateway.config.settings import Settings
from gateway.wiring.callers import caller_limits, many_callers

SETTINGS = Settings.model_validate(
    {
        "secret": "s",
        "trusted_proxies": ["192.0.2.0/24"],
        "forward_auth": {"nginx": {"peers": ["198.51.100.1"]}},
        "limits": {"bodies_per_address": 3, "least_rate": 7, "buffered_bytes": 9, "body_wait": "2s"},
    }
)


def test_proxies_that_are_believed_and_those_that_ask_are_many_callers() -> None:
    is_many = many_callers(SETTINGS)
    assert [is_many(address) for address in ("192.0.2.7", "198.51.100.1", "198.51.100.2")] == [True, True, False]


def test_the_limits_are_the_configs() -> None:
    limits = caller_limits(SETTINGS)
    assert (limits.bodies_per_address, limits.buffered_bytes, limits.least_rate, limits.body_wait) == (3, 9, 7, 2.0)
    assert limits.is_many("192.0.2.7")
