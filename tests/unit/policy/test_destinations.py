from __future__ import annotations

import pytest

from gateway.model.decision import AccessRequest
from gateway.model.route import Match, Route
from gateway.policy.destinations import refused_destination
from gateway.policy.routes import RouteTable
from tests.support.builders.requests import access_request

OWN = Route(name="own", match=Match("/own/"))
ODD = Route(name="odd", match=Match("/odd/"), empty_segments=True)
TABLE = RouteTable([OWN, ODD, Route(name="rest", match=Match("/"))])


def moving(*destinations: bytes, method: str = "MOVE") -> AccessRequest:
    return access_request(method, "/own/a", tuple((b"Destination", each) for each in destinations))


@pytest.mark.parametrize(
    ("destinations", "status"),
    [
        ((), None),
        ((b"/own/b",), None),
        ((b"/odd/b",), 403),
        ((b"/",), 403),
        ((b"/own//b",), 400),
        ((b"/own/%2e%2e/b",), 400),
        ((b"/own/b", b"/own/b"), 400),
        ((b"",), 400),
    ],
)
def test_a_destination_is_of_the_requests_own_route(destinations: tuple[bytes, ...], status: int | None) -> None:
    refusal = refused_destination(moving(*destinations), OWN, TABLE)
    assert (None if refusal is None else refusal.status) == status


def test_a_route_may_allow_odd_paths_for_destinations_too() -> None:
    assert refused_destination(moving(b"/odd//b"), ODD, TABLE) is None


def test_other_methods_have_no_destination() -> None:
    assert refused_destination(moving(b"/odd/b", method="PUT"), OWN, TABLE) is None
