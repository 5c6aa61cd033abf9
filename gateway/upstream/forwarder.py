"""The one small interface between the judgement and the wire."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord

Refused = Callable[[DownstreamRequest, Decision, Refusal], None]
"""Answers an allowed request that could not be carried."""


class Forwarder(Protocol):
    """Carries an allowed request to its route's upstream and the answer back."""

    def forward(
        self, request: DownstreamRequest, decision: Decision, added: bytes, record: RequestRecord, refused: Refused
    ) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        """Begin to carry it; return why it cannot be, or what has to be waited for, which returns the same.

        None means that it is under way: then the request is completed once it is answered on the caller's connection,
        or `refused` is called with why it was not. `added` are the lines that tell the upstream of the request's way
        here (`X-Forwarded-*`), made of `decision.access` alone. It gets them besides what the client
        sent, `decision.identity` and the names of request and trace, and every client spelling of all these is removed
        first. Fills `record` as it goes.
        """

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
