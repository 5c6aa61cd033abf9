"""The one small interface between the judgement and the wire."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from gateway.http1.downstream import DownstreamRequest, Forwarded
from gateway.model.decision import Decision, HeaderPairs
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord

Complete = Callable[[Forwarded | Refusal], None]


class Forwarder(Protocol):
    """Carries an allowed request to its route's upstream and the answer back."""

    def forward(
        self, request: DownstreamRequest, decision: Decision, added: HeaderPairs, record: RequestRecord, done: Complete
    ) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        """Begin to carry it; return why it cannot be, or what has to be waited for, which returns the same.

        None means that it is under way: `done` is called once, with what was answered on the client's connection, or
        with why nothing was. `added` are fields that the upstream gets besides what the client sent and
        `decision.identity` (`X-Forwarded-*`, `X-Request-Id`, `traceparent`); every client spelling of them is removed
        first. Fills `record` as it goes.
        """

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
