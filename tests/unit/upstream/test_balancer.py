from __future__ import annotations

import ssl

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import Match, Route, UpstreamAddress, UpstreamTls
from gateway.upstream.balancer import HealthLimits, Upstream
from gateway.upstream.pool import PoolLimits
from gateway.upstream.upstreams import Upstreams
from tests.support.builders.routes import no_tls
from tests.support.servers.recording_upstream import recording_upstream


def route(*ports: int, name: str = "all", scheme: str = "http") -> Route:
    return Route(
        name=name, match=Match("/"), upstream=tuple(UpstreamAddress(scheme, "127.0.0.1", port) for port in ports)
    )


def upstreams_of(*routes: Route, health: HealthLimits | None = None) -> Upstreams:
    return Upstreams(routes, PoolLimits(), health or HealthLimits(), dns_ttl=30.0, tls=no_tls)


async def test_routes_share_an_upstream() -> None:
    one, two = route(1, 2), route(2, name="other")
    upstreams = upstreams_of(one, two)
    assert upstreams.of(one).upstreams[1] is upstreams.of(two).upstreams[0]
    assert sorted(numbers.upstream for numbers in upstreams.numbers()) == ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    await upstreams.close()


async def test_a_context_for_tls_is_made_only_where_it_is_needed() -> None:
    made: list[int] = []

    def context(_: UpstreamTls) -> ssl.SSLContext:
        made.append(1)
        return ssl.create_default_context()

    for scheme, expected in (("http", 0), ("https", 1)):
        upstreams = Upstreams([route(1, 2, scheme=scheme)], PoolLimits(), HealthLimits(), dns_ttl=30.0, tls=context)
        assert len(made) == expected
        await upstreams.close()


async def test_equally_busy_upstreams_take_turns_and_a_busier_one_waits() -> None:
    async with recording_upstream() as first, recording_upstream() as second:
        upstreams = upstreams_of(route(first.port, second.port))
        group = upstreams.of(route(first.port, second.port))
        loans = [await group.borrow(group.choose(), 1.0) for _ in range(4)]
        assert sorted(upstream.outstanding for upstream in group.upstreams) == [2, 2]
        for loan in [loan for loan in loans if loan.upstream is group.upstreams[0]]:
            loan.give_back()
        for _ in range(2):
            assert (await group.borrow(group.choose(), 1.0)).upstream is group.upstreams[0]
        await upstreams.close()


async def test_a_failed_connect_is_tried_elsewhere_once() -> None:
    async with recording_upstream() as gone:
        dead = gone.port
    async with recording_upstream() as alive:
        upstreams = upstreams_of(route(dead, alive.port))
        group = upstreams.of(route(dead, alive.port))
        for _ in range(3):
            loan = await group.borrow(group.choose(), 1.0)
            assert loan.upstream.address.port == alive.port
            loan.give_back()
        await upstreams.close()


async def test_an_upstream_alone_is_tried_twice_and_then_given_up() -> None:
    async with recording_upstream() as gone:
        dead = gone.port
    upstreams = upstreams_of(route(dead))
    group = upstreams.of(route(dead))
    with pytest.raises(ExchangeError) as failed:
        await group.borrow(group.choose(), 1.0)
    assert failed.value.fault is Fault.CONNECT
    (numbers,) = upstreams.numbers()
    assert (numbers.connect_faults, numbers.outstanding, numbers.open) == (2, 0, 0)
    await upstreams.close()


def watched(failures: int) -> Upstream:
    return Upstream(UpstreamAddress("http", "up", 80), None, HealthLimits(failures=failures, eject=1.0))  # type: ignore[arg-type]


def test_an_upstream_is_left_out_after_some_failures_and_longer_after_each_probe() -> None:
    upstream = watched(2)
    upstream.missed(100.0)
    assert upstream.available(100.0)
    upstream.missed(100.0)
    assert not upstream.available(100.9)
    assert upstream.available(101.0)
    upstream.missed(101.0)
    assert upstream.ejected_until == 103.0
    for _ in range(50):
        upstream.missed(200.0)
    assert upstream.ejected_until == 264.0
    assert upstream.ejections == 1


def test_one_request_probes_and_success_brings_it_back() -> None:
    upstream = watched(1)
    upstream.missed(100.0)
    upstream.chosen(101.0)
    assert not upstream.available(101.5)
    upstream.reached()
    assert upstream.available(101.5)
