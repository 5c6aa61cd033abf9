from __future__ import annotations

from gateway.model.route import HealthCheck, Match, Route, Sticky, UpstreamAddress, UpstreamTls
from gateway.upstream.balancer import HealthLimits
from gateway.upstream.pool import PoolLimits
from gateway.upstream.upstreams import Upstreams
from tests.support.builders.routes import no_tls

ONE, OTHER = UpstreamAddress("http", "127.0.0.1", 1), UpstreamAddress("http", "127.0.0.1", 2)


def made(*routes: Route) -> Upstreams:
    return Upstreams(routes, PoolLimits(), HealthLimits(), dns_ttl=1.0, tls=no_tls)


async def test_only_upstreams_of_routes_with_checks_are_checked() -> None:
    checked = Route(name="a", match=Match("/"), upstream=(ONE,), health_check=HealthCheck("/up"))
    plain = Route(name="b", match=Match("/"), upstream=(ONE, OTHER))
    upstreams = made(plain, checked)
    one, other = upstreams.of(plain).upstreams
    assert one.checks is not None
    assert other.checks is None
    assert upstreams.of(checked).upstreams == (one,)


async def test_an_upstream_that_fails_its_checks_takes_no_request_that_another_can_take() -> None:
    route = Route(name="a", match=Match("/"), upstream=(ONE, OTHER), health_check=HealthCheck("/up"))
    group = made(route).of(route)
    one, other = group.upstreams
    assert one.checks is not None
    assert other.checks is not None
    one.checks.failing = True
    assert {group.choose() for _ in range(4)} == {other}
    assert {group.choose_for(str(caller)) for caller in range(20)} == {other}
    other.checks.failing = True
    assert group.choose() in group.upstreams


async def test_the_callers_of_an_upstream_that_goes_are_the_only_ones_that_move() -> None:
    three = UpstreamAddress("http", "127.0.0.1", 3)
    all_three = Route(name="a", match=Match("/"), upstream=(ONE, OTHER, three), sticky=Sticky.SESSION)
    without = Route(name="b", match=Match("/"), upstream=(ONE, OTHER), sticky=Sticky.SESSION)
    upstreams = made(all_three, without)
    before = {str(n): upstreams.of(all_three).choose_for(str(n)).address for n in range(300)}
    after = {caller: upstreams.of(without).choose_for(caller).address for caller in before}
    assert all(after[caller] == address for caller, address in before.items() if address != three)
    assert min(list(before.values()).count(address) for address in (ONE, OTHER, three)) > 50


async def test_the_same_address_verified_under_another_name_is_another_upstream() -> None:
    named = Route(name="a", match=Match("/"), upstream=(ONE,), tls=UpstreamTls(server_name="a"))
    plain = Route(name="b", match=Match("/"), upstream=(ONE,))
    upstreams = made(named, plain)
    assert upstreams.of(named).upstreams != upstreams.of(plain).upstreams
