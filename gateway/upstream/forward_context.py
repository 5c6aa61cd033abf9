"""One request on its way: everything that its exchange, its body and its tunnel have in common."""

from __future__ import annotations

from aiohttp.streams import EMPTY_PAYLOAD

from gateway.http1.framing import is_upgrade
from gateway.model.decision import Decision, HeaderPairs
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.open_streams import OpenStream, OpenStreams
from gateway.upstream.request_body import NO_BODY, RequestBody


class ForwardContext:
    """An allowed request, its caller and its record.

    `added` is all that the gateway tells the upstream, identity included. `ends_at` is the end of its total time on
    the loop's clock, or 0. `stream` is its entry among the open streams, once it is one. Raises ExchangeError for a
    body that is announced as too large.
    """

    __slots__ = (
        "added",
        "body",
        "client",
        "decision",
        "ends_at",
        "http_1_0",
        "keep_alive",
        "record",
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
        added: HeaderPairs,
        record: RequestRecord,
        streams: OpenStreams,
        started: float,
    ) -> None:
        route = decision.route
        if route is None:
            raise ValueError("only an allowed request is carried")
        headers = decision.access.headers
        total = route.timeouts.total
        self.request = request
        self.decision = decision
        self.route = route
        self.added = added + decision.identity
        self.record = record
        self.client = request.connection
        content = request.content
        self.body = (
            NO_BODY
            if content is EMPTY_PAYLOAD
            else RequestBody(content, request.version, headers, route.body_bytes, record)
        )
        self.upgrading = b"upgrade" in headers.by_name and is_upgrade(headers)
        self.http_1_0 = request.version < (1, 1)
        self.keep_alive = request.keep_alive and not self.upgrading
        self.ends_at = started + total if total else 0.0
        self.streams = streams
        self.stream: OpenStream | None = None

    @property
    def must_close(self) -> bool:
        """Tell whether the caller's connection ends with this answer.

        It does when the caller wants it so, when the process is about to end, and when the request's body has not
        come in full: what still comes of it would be read as the next request.
        """
        body = self.body
        return not self.keep_alive or self.client.draining or not (body.complete or body.received)
