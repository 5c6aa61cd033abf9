"""Everything that reaches the public port: named, read, handed to its endpoint, and written down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import structlog

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.refusals import refusal_response
from gateway.http1.framing import refuse_framing
from gateway.model.decision import AccessRequest, Response
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.journal import Journal
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer

_log = structlog.get_logger(__name__)
_NONE: Mapping[str, Endpoint] = MappingProxyType({})


OWN = "/_gateway/"
"""Beneath it no route is ever looked for. A proxy that asks at an endpoint which is not there would else be answered by
an upstream, and take the 200 of its start page for an allow."""


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

    async def answer(self, request: DownstreamRequest) -> EndpointAnswer:
        """Answer one request; raises only where its client has gone or half an answer has been sent."""
        headers = Headers(request.fields)
        record = self._open(request, headers)
        try:
            response = await self._answer(request, headers, record)
            record.status = record.status or response.status
            if isinstance(response, Response) and request.method != "HEAD":
                record.bytes_out = len(response.body)
        except asyncio.CancelledError:
            record.fault = record.fault or "client gone"
            raise
        finally:
            self._journal.close(record)
        return response

    def refuse(self, refusal: Refusal) -> Response:
        """Word what never became a request: framing that cannot be read, a head that is too long or too late."""
        record = self._journal.open((), None)
        record.endpoint, record.status = "front", refusal.status
        self._journal.close(record)
        return refusal_response(refusal, record.request_id)

    def _open(self, request: DownstreamRequest, headers: Headers) -> RequestRecord:
        peer = request.connection.peer
        told_ids = headers.all(b"x-request-id") if self._accesses.trusts(peer) else None
        record = self._journal.open(headers.by_name.get(b"traceparent", ()), told_ids)
        record.method, record.path, record.client = request.method, request.target, peer
        return record

    async def _answer(self, request: DownstreamRequest, headers: Headers, record: RequestRecord) -> EndpointAnswer:
        try:
            refusal = refuse_framing(request.method, request.version, headers)
            if refusal is not None:
                # Where its body ends is in doubt: what follows may be no request (RFC 9112 section 6.3).
                return refusal_response(refusal, record.request_id, closes=True)
            access = self._accesses.read(request, headers, record.request_id)
            record.client, record.host = access.client, access.host.name
            endpoint = self._endpoint(access)
            if endpoint is None:
                record.endpoint = "front"
                return refusal_response(Refusal(RefusalCode.NOT_FOUND, "no own path"), record.request_id)
            record.endpoint = endpoint.name
            return await endpoint.answer(request, access, record)
        except MalformedError as malformed:
            return refusal_response(malformed.refusal, record.request_id)
        except Exception:
            _log.exception("request_failed", request_id=record.request_id, endpoint=record.endpoint)
            record.fault = "unexpected"
            transport = request.connection.transport
            if record.status and transport is not None:
                # Half an answer has been sent: a second head in the middle of it would be read as its body. Only a
                # broken connection says that it is not whole.
                transport.abort()
                raise
            return refusal_response(Refusal(RefusalCode.INTERNAL), record.request_id)

    def _endpoint(self, access: AccessRequest) -> Endpoint | None:
        path = access.target.match
        for endpoint in self._by_path.get(path, ()):
            if not endpoint.hosts or access.host.name in endpoint.hosts:
                return endpoint
        for start, endpoint in self._beneath:
            # No segment boundary: Envoy puts `OPTIONS *` at the endpoint's path followed by an asterisk.
            if path.startswith(start):
                return endpoint
        return None if path.startswith(OWN) else self._proxy
