from __future__ import annotations

from gateway.model.decision import Decision
from gateway.model.route import LimitBy, Match, RateLimit, Route
from gateway.policy.limits import LocalLimits
from gateway.policy.route_limits import RouteLimits
from tests.support.builders.requests import access_request

ROUTE = Route(name="r", match=Match("/"), rate_limit=RateLimit(LimitBy.ADDRESS, rate=1.0, burst=1))


def test_a_request_whose_address_has_no_token_left_is_never_judged() -> None:
    limits = RouteLimits([ROUTE], LocalLimits(lambda: 0.0))
    access = access_request()
    judged = []

    def judge() -> Decision:
        judged.append(access)
        return Decision(access=access, route=ROUTE)

    decisions = [limits.by_address(access, ROUTE, judge) for _ in range(2)]
    assert [isinstance(each, Decision) and each.allowed for each in decisions] == [True, False]
    assert len(judged) == 1
    assert all(isinstance(each, Decision) and dict(each.caller_headers) for each in decisions)


def test_a_request_that_is_refused_anyway_is_not_counted_by_caller() -> None:
    by_session = Route(name="r", match=Match("/"), rate_limit=RateLimit(LimitBy.SESSION, rate=1.0, burst=1))
    limits = RouteLimits([by_session], LocalLimits(lambda: 0.0))
    nobody = Decision(access=access_request(), route=by_session)
    assert limits.by_caller(nobody) is nobody
