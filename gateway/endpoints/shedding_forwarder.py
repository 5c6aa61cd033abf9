"""Forwarding where a route reads secrets out of queries or protocols: they are cut out first."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import msgspec
from typing_extensions import override

from gateway.credentials.shedding import Shedding
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord
from gateway.upstream.forwarder import Forwarder, Refused


class SheddingForwarder(Forwarder):
    """Hands the other forwarder each request as its upstream may see it."""

    def __init__(self, forwarder: Forwarder, shedding: Shedding) -> None:
        self._forwarder = forwarder
        self._shedding = shedding

    @override
    def forward(
        self, request: DownstreamRequest, decision: Decision, added: bytes, record: RequestRecord, refused: Refused
    ) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        bare = self._shedding.bare(decision.access, decision.route)
        if bare is not decision.access:
            decision = msgspec.structs.replace(decision, access=bare)
        return self._forwarder.forward(request, decision, added, record, refused)

    @override
    async def close(self) -> None:
        await self._forwarder.close()
