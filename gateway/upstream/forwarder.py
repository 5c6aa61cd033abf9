"""The one small interface between the judgement and the wire."""

from __future__ import annotations

from typing import Protocol

from gateway.model.decision import Decision, HeaderPairs
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import Forwarded


class Forwarder(Protocol):
    """Carries an allowed request to its route's upstream and the answer back."""

    async def forward(
        self, request: DownstreamRequest, decision: Decision, added: HeaderPairs, record: RequestRecord
    ) -> Forwarded | Refusal:
        """Return what was answered on the client's connection, or why there is none.

        `added` are fields that the upstream gets besides what the client sent and `decision.identity`
        (`X-Forwarded-*`, `X-Request-Id`, `traceparent`); every client spelling of them is removed first. A Refusal
        means that no byte has been answered yet. Fills `record` as it goes.
        """

    async def close(self) -> None:
        """Close idle connections now and the others when their exchange ends."""
