from __future__ import annotations

from typing import Any, cast

from gateway.credentials.shedding import Shedding
from gateway.endpoints.shedding_forwarder import SheddingForwarder
from gateway.model.decision import Decision
from gateway.model.route import Match, Route
from tests.support.builders.credentials import query_reader
from tests.support.builders.requests import access_request

EVENTS = Route(name="events", match=Match("/events/"), credentials=("url",))


class Recording:
    """A forwarder that notes the targets that it is handed, and whether it was closed."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.closed = False

    def forward(self, request: object, decision: Decision, *others: object) -> None:
        del request, others
        self.targets.append(str(decision.access.target))

    async def close(self) -> None:
        self.closed = True


async def test_the_other_forwarder_is_handed_what_an_upstream_may_see() -> None:
    carrying = Recording()
    forwarder = SheddingForwarder(cast("Any", carrying), Shedding((EVENTS,), {"url": query_reader()}))
    unused = cast("Any", None)
    for target in ("/events/?access_token=abc", "/events/?a=b"):
        decision = Decision(access=access_request(target=target), route=EVENTS)
        assert forwarder.forward(unused, decision, b"", unused, unused) is None
    assert carrying.targets == ["/events/", "/events/?a=b"]
    await forwarder.close()
    assert carrying.closed
