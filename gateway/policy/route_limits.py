"""The rate limits of all routes, at the two places of a judgement where a request is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from gateway.model.decision import Decision, then
from gateway.policy.limits import RateLimiter

if TYPE_CHECKING:
    from gateway.model.decision import AccessRequest, Judged
    from gateway.model.route import Route
    from gateway.policy.limits import Limits, Taken


class RouteLimits:
    """Counts a request by its address before it is judged, or an allowed one by its caller afterwards."""

    def __init__(self, routes: Iterable[Route], limits: Limits) -> None:
        self._limiters = {
            route.name: RateLimiter(route.name, route.rate_limit, limits)
            for route in routes
            if route.rate_limit is not None
        }

    def by_address(self, access: AccessRequest, route: Route, judge: Callable[[], Judged]) -> Judged:
        """Count the address if the limited route counts addresses, and `judge` the request if there was a token."""

        def counted(taken: Taken | None) -> Judged:
            if taken is None:
                return judge()
            if taken.refusal is not None:
                return _limited(Decision(access=access, route=route), taken)
            return then(judge(), lambda decision: decision.with_caller_headers(taken.fields))

        return self._limiters[route.name].count_address(access.client, counted)

    def by_caller(self, decision: Decision) -> Judged:
        """Count an allowed request of a known caller, if its limited route counts callers."""
        route, session = decision.route, decision.resolution.session
        if route is None or session is None or not decision.allowed:
            return decision
        return self._limiters[route.name].count_caller(session, lambda taken: _limited(decision, taken))


def _limited(decision: Decision, taken: Taken | None) -> Decision:
    """Return the decision with the fields of the rate limit, and refused where there was no token."""
    if taken is None:
        return decision
    decision = decision.with_caller_headers(taken.fields)
    if taken.refusal is None:
        return decision
    return msgspec.structs.replace(decision, refusal=taken.refusal, rule="rate_limit", identity=())
