"""Everything that reaches the public port: named, read, handed to its endpoint, and written down."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import structlog

from gateway.endpoints.access_reader import ALLOW, AccessReader
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.own_paths import OWN
from gateway.endpoints.refusals import refusal_response
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Serving
from gateway.http1.navigation import begins_navigation, is_navigation
from gateway.http1.seen_head import host_seen, seen_head
from gateway.model.decision import AccessRequest, Response
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.journal import Journal
from gateway.telemetry.record import RequestRecord

_log = structlog.get_logger(__name__)
_NONE: Mapping[str, Endpoint] = MappingProxyType({})


class PublicPort:
    """Hands each request to the endpoint of its path, else to the proxy. Own paths win over routes.

    `beneath` are endpoints that answer at every path that begins as their key does.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        proxy: Endpoint,
        accesses: AccessReader,
        journal: Journal,
        beneath: Mapping[str, Endpoint] = _NONE,
    ) -> None:
        self._proxy = proxy
        self._accesses = accesses
        self._journal = journal
        self._beneath = tuple(beneath.items())
        self._by_path: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            for path in endpoint.paths:
                self._by_path.setdefault(path, []).append(endpoint)

    def add_beneath(self, start: str, endpoint: Endpoint) -> None:
        """Let an endpoint answer at every path that begins like this and is nobody else's."""
        self._beneath = (*self._beneath, (start, endpoint))

    def serve(self, request: DownstreamRequest) -> Serving:
        """Answer one request, or begin to; `completed` is to follow."""
        headers = request.head.block.headers
        record = request.record = self._open(request)
        try:
            reply = self._serve(request, headers, record)
        except Exception as error:  # noqa: BLE001 - each is worded, or logged
            return self._fault(error, request, record)
        return reply if reply is None or isinstance(reply, Response) else self._guarded(reply, request, record)

    def completed(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        """Write down what came of a request; None where the caller left before its answer."""
        record = request.record
        if record is None:
            return
        if answer is None:
            record.fault = record.fault or "client gone"
        else:
            record.status = record.status or answer.status
            if isinstance(answer, Response) and request.head.method != "HEAD":
                record.bytes_out = len(answer.body)
        self._journal.close(record)

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> Response:
        """Word what never became a request: framing that cannot be read, a head that is too long or too late."""
        record = self._journal.open((), None)
        record.endpoint, record.status, record.refusal, record.client = "front", refusal.status, refusal, peer
        head = seen_head(seen)
        record.method, record.path, record.host = head.method, head.target, head.host
        self._journal.close(record)
        return refusal_response(refusal, record.request_id, page=begins_navigation(seen))

    def _open(self, request: DownstreamRequest) -> RequestRecord:
        peer = request.connection.peer
        head = request.head
        record = self._journal.open(
            head.names.traceparent, head.names.request_id if self._accesses.trusts(peer) else None
        )
        record.method, record.path, record.client = head.method, head.target, peer
        return record

    def _serve(self, request: DownstreamRequest, headers: Headers, record: RequestRecord) -> Serving:
        access = self._accesses.read(request, headers, record.request_id)
        record.client, record.host = access.client, access.host.name
        if not record.path.startswith("/"):
            record.path = access.target.path
        endpoint = self._endpoint(access)
        if endpoint is None:
            record.endpoint = "front"
            record.refusal = Refusal(RefusalCode.NOT_FOUND, "no own path")
            return refusal_response(record.refusal, record.request_id, page=is_navigation(access.method, headers))
        record.endpoint = endpoint.name
        return endpoint.answer(request, access, record)

    async def _guarded(
        self, work: Coroutine[Any, Any, Response | None], request: DownstreamRequest, record: RequestRecord
    ) -> Response | None:
        """Wait for an answer; a fault of ours is one too."""
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - each is worded, or logged
            return self._fault(error, request, record)

    def _fault(self, error: Exception, request: DownstreamRequest, record: RequestRecord) -> Response:
        page = is_navigation(request.head.method, request.head.block.headers)
        if isinstance(error, MalformedError):
            record.refusal = error.refusal
            record.host = record.host or host_seen(request.head.block.headers.all(b"host"))
            # What two servers would read in two ways is not followed by another request (nginx closes as well).
            closes = error.refusal.code is RefusalCode.MALFORMED
            allow = (ALLOW,) if error.refusal.code is RefusalCode.METHOD_NOT_ALLOWED else ()
            return refusal_response(error.refusal, record.request_id, allow, closes=closes, page=page)
        _log.error("request_failed", request_id=record.request_id, endpoint=record.endpoint, exc_info=error)
        record.fault = "unexpected"
        if record.status:
            # Half an answer has been sent: a second head in the middle of it would be read as its body. Only a broken
            # connection says that it is not whole.
            request.connection.abort()
        record.refusal = Refusal(RefusalCode.INTERNAL, "an unexpected fault")
        return refusal_response(record.refusal, record.request_id, page=page)

    def _endpoint(self, access: AccessRequest) -> Endpoint | None:
        path = access.target.match
        for endpoint in self._by_path.get(path, ()):
            if not endpoint.hosts or access.host.name in endpoint.hosts:
                return endpoint
        for start, endpoint in self._beneath:
            # No segment boundary: Envoy puts `OPTIONS *` at the endpoint's path followed by an asterisk.
            if path.startswith(start) and (not endpoint.hosts or access.host.name in endpoint.hosts):
                return endpoint
        return None if path.startswith(OWN) else self._proxy
