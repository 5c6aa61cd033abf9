import os
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.settings import Settings, free_claims, to_routes
from gateway.model.route import Access, UpstreamAddress
from gateway.source.addresses import ListenAddress

ROUTE = {"name": "r", "match": {"path": "/r/"}, "upstream": "http://a"}


def settings(**keys: Any) -> Settings:
    return Settings.model_validate({"secret": "s", **keys})


def test_a_secret_is_all_that_a_config_must_say() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({})
    assert [(error["type"], error["loc"]) for error in caught.value.errors()] == [("missing", ("secret",))]
    assert settings().redis is None


def test_the_defaults_are_those_of_the_design() -> None:
    found = settings(redis={"url": "redis://127.0.0.1:6379/0"})
    assert found.listen.public == (ListenAddress("0.0.0.0", 8080),)  # noqa: S104 - what is compared, nothing listens
    assert found.listen.admin == ListenAddress("127.0.0.1", 9090)
    assert (found.listen.workers, found.listen.drain, found.listen.watch, found.listen.tls) == (1, 20.0, 1.0, None)
    assert (found.listen.health, found.listen.admin_token, found.trusted_proxies) == (None, (), ())
    assert found.redis is not None
    assert (found.redis.key_prefix, found.redis.timeout) == ("gw:", 0.05)
    cache = found.cache
    assert (cache.fresh, cache.stale, cache.negative, cache.unheard) == (60.0, 600.0, 5.0, 1.0)
    assert (cache.revoked, cache.memory_entries) == (86400.0, 100_000)
    limits = found.limits
    assert (limits.head_bytes, limits.headers, limits.target_bytes, limits.body_bytes) == (32768, 128, 8192, 0)
    assert (limits.head_timeout, limits.body_stall, limits.idle, limits.connections) == (10.0, 30.0, 75.0, 10_000)
    assert found.telemetry.model_dump() == {
        "access_log": True,
        "format": "json",
        "sample_allowed": 1.0,
        "buffer_bytes": 4 * 1024 * 1024,
        "traces": "none",
    }
    assert found.identity.headers["user_id"] == "X-User-Id"


@pytest.mark.parametrize(
    "keys",
    [
        {"secret": []},
        {"secret": ""},
        {"listen": {"workers": 0}},
        {"listen": {"workers": "all"}},
        {"listen": {"drain": 20}},
        {"listen": {"tls": {"cert_file": "only-half.pem"}}},
        {"listen": {"admin_token": ""}},
        {"redis": {"url": "http://127.0.0.1"}},
        {"redis": {"url": "redis://a", "timeout": "0s"}},
        {"cache": {"fresh": 60}},
        {"cache": {"memory_entries": 0}},
        {"limits": {"head_bytes": 10}},
        {"limits": {"idle": 0}},
        {"telemetry": {"sample_allowed": 1.1}},
        {"telemetry": {"sample_allowed": float("nan")}},
        {"identity": {"headers": "nobody's preset"}},
        {"identity": {"token": {"issuer": "", "keys_file": "k"}}},
        {"identity": {"token": {"issuer": "i", "keys_file": "k", "jwks_path": "jwks"}}},
        {"trusted_proxies": ["everybody"]},
        {"authorities": {"has space": {"kind": "directory", "url": "sqlite:///x", "pepper": "p"}}},
        {"routes": [{}]},
        {"forward": {}},
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**keys)


def test_as_many_workers_as_cores_can_be_asked_for() -> None:
    assert settings(listen={"workers": "auto"}).listen.workers == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://u:p@h:1/2", "redis+sentinel://a,b/m/0", "rediss+cluster://h", "unix:///r.sock"]
)
def test_every_topology_of_redis_has_a_url(url: str) -> None:
    found = settings(redis={"url": url}).redis
    assert found is not None
    assert found.url.get_secret_value() == url


def test_no_secret_stands_in_the_repr() -> None:
    found = settings(
        secret="hidden-1",
        listen={"admin_token": "hidden-2"},
        redis={"url": "redis://:hidden-3@h"},
        authorities={"a": {"kind": "directory", "url": "sqlite:///x", "pepper": "hidden-4"}},
    )
    assert "hidden" not in repr(found)


def test_routes_become_the_models_in_order_with_every_reader_by_default() -> None:
    found = to_routes(
        settings(
            credentials={
                "b": {"kind": "bearer", "authority": "x"},
                "a": {"kind": "cookie", "name": "c", "authority": "x"},
            },
            limits={"body_bytes": 5},
            routes=[ROUTE, ROUTE | {"name": "open", "access": "public", "body_bytes": 9}],
        )
    )
    assert [route.name for route in found] == ["r", "open"]
    assert found[0].credentials == ("b", "a")
    assert found[0].upstream == (UpstreamAddress("http", "a", 80),)
    assert [route.body_bytes for route in found] == [5, 9]
    assert found[1].access is Access.PUBLIC
    assert found[1].credentials == ()


def test_claims_are_asked_for_by_headers_and_by_rules_however_deep() -> None:
    require = {"claims": {"a": "x"}, "any_of": [{"claims": {"b": [1, True]}}], "not": {"not": {"claims": {"c.d": "x"}}}}
    found = settings(routes=[ROUTE | {"require": require}], identity={"headers": {"claims.e": "X-E", "user_id": "X-U"}})
    assert free_claims(found) == ("a", "b", "c.d", "e")
    (route,) = to_routes(found)
    assert route.require.claims == {"a": frozenset({"x"})}
    assert route.require.any_of[0].claims == {"b": frozenset({"1", "true"})}
    assert route.require.not_[0].not_[0].claims == {"c.d": frozenset({"x"})}
    assert free_claims(settings()) == ()
