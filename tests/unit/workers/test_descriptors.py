from __future__ import annotations

import resource

import pytest

from gateway.config.settings import ListenSettings, Settings
from gateway.workers import descriptors
from gateway.workers.descriptors import KEPT_BACK, callers_within, current_limit, raise_limit, wanted, warn_if_short


def settings(connections: int = 1000) -> Settings:
    routes = [
        {"name": "a", "match": {}, "access": "public", "upstream": ["http://a:1", "http://b:1"]},
        {"name": "b", "match": {}, "access": "public", "upstream": "http://a:1"},
    ]
    return Settings.model_validate(
        {"secret": "s", "limits": {"connections": connections}, "upstreams": {"connections": 100}, "routes": routes}
    )


def test_every_caller_and_every_upstream_counts_and_some_are_kept_back() -> None:
    assert wanted(settings()) == 1000 + (2 * 100 + 1000) + KEPT_BACK
    assert wanted(settings(connections=9000)) == 9000 + 2 * (100 + 4096) + KEPT_BACK
    asked = settings().model_copy(update={"listen": ListenSettings.model_validate({"grpc": "127.0.0.1:1"})})
    assert wanted(asked) == wanted(settings()) + asked.ext_authz.connections


@pytest.mark.parametrize(("limit", "callers"), [(3000, 1000), (2456, 1000), (2200, 972), (300, 22), (10, 16)])
def test_where_there_are_too_few_callers_leave_as_many_to_their_upstreams(limit: int, callers: int) -> None:
    assert callers_within(settings(), limit) == callers


def test_the_limit_is_raised_as_far_as_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [100, 500]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: limits.__setitem__(slice(None), both))
    raise_limit()
    assert (limits, current_limit()) == ([500, 500], 500)
    limits[:] = [resource.RLIM_INFINITY] * 2
    raise_limit()
    assert current_limit() > 1 << 20


def test_too_few_are_told_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(descriptors, "current_limit", lambda: 2456)
    warn_if_short(settings())
    assert capsys.readouterr().out == ""
    warn_if_short(settings(1001))
    assert "descriptors_short" in capsys.readouterr().out
