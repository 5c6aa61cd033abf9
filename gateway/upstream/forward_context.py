"""One request on its way: everything that its exchange, its body and its tunnel have in common."""

from __future__ import annotations

from collections.abc import Callable

from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal
from gateway.telemetry.record import RequestRecord
from gateway.upstream.open_streams import OpenStream, OpenStreams
from gateway.upstream.request_body import RequestBody

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ForwardContext:
    """An allowed request, its caller and its record.

    `added` are fields that the gateway tells the upstream besides the decision's identity. `ends_at` is the end of its
    total time on the loop's clock, or 0. `late` tells that its body is one of those that its client keeps open.
    `stream` is its entry among the open streams, once it is one. `refused` is called, once at most, by `refuse`. Raises
    ExchangeError for a body that is announced as too large.
    """

    __slots__ = (
        "added",
        "body",
        "client",
        "decision",
        "ends_at",
        "http_1_0",
        "keep_alive",
        "late",
        "record",
        "refused",
        "request",
        "route",
        "stream",
        "streams",
        "upgrading",
    )

    def __init__(
        self,
        request: DownstreamRequest,
        decision: Decision,
        added: bytes,
        record: RequestRecord,
        streams: OpenStreams,
        refused: Callable[[DownstreamRequest, Decision, Refusal], None],
    ) -> None:
        route = decision.route
        if route is None:
            raise ValueError("only an allowed request is forwarded")
        head = request.head
        self.request = request
        self.decision = decision
        self.route = route
        self.added = added
        self.record = record
        self.refused = refused
        self.client = request.connection
        self.body = None if request.body is None else RequestBody(request.body, route.body_bytes, record)
        self.upgrading = head.upgrade
        self.http_1_0 = head.version < (1, 1)
        self.keep_alive = head.keep_alive and not self.upgrading
        self.ends_at = 0.0
        self.late = False
        self.streams = streams
        self.stream: OpenStream | None = None

    def refuse(self, refusal: Refusal) -> None:
        """Tell why the caller was not answered."""
        self.refused(self.request, self.decision, refusal)

    @property
    def expects(self) -> bool:
        """Tell whether the caller sends no body before it is invited (RFC 9110 section 10.1.1)."""
        body = self.body
        return body is not None and body.awaited and self.request.head.block.expects and not self.http_1_0

    @property
    def must_close(self) -> bool:
        """Tell whether the caller's connection ends with this answer.

        It does when the caller wants it so, when the process is about to end, and when the request's body has not
        come in full: what still comes of it would be read as the next request.
        """
        body = self.request.body
        return not self.keep_alive or self.client.draining or not (body is None or body.complete)
