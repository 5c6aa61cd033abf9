"""The one small interface between the judgement and the wire."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from gateway.http1.downstream import DownstreamRequest, Forwarded
from gateway.model.decision import Decision, HeaderPairs
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord

Complete = Callable[[DownstreamRequest, Decision, Forwarded | Refusal], None]
"""Takes what came of an allowed request: that it was answered on the caller's connection, or why not."""


class Forwarder(Protocol):
    """Carries an allowed request to its route's upstream and the answer back."""

    def forward(
        self, request: DownstreamRequest, decision: Decision, added: HeaderPairs, record: RequestRecord, done: Complete
    ) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        """Begin to carry it; return why it cannot be, or what has to be waited for, which returns the same.

        None means that it is under way: `done` is called once. `added` are the fields that tell the upstream of the
        request's way here (`X-Forwarded-*`), made of `decision.access` alone. It gets them besides what the client
        sent, `decision.identity` and the names of request and trace, and every client spelling of all these is removed
        first. Fills `record` as it goes.
        """

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
