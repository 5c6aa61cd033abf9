"""Public JSON documents at own paths: the keys of identity tokens (RFC 7517 section 5), the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable

from gateway.endpoints.refusals import method_not_allowed
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord

_METHODS = ("GET", "HEAD")


class JsonDocumentEndpoint:
    """Answers GET and HEAD at `path` with a document that everybody may read.

    `document` returns it as JSON; it is called for each request, so that rotated keys appear at once.
    """

    hosts: frozenset[str] = frozenset()

    def __init__(self, name: str, path: str, document: Callable[[], bytes], cache_control: str) -> None:
        self.name = name
        self.paths: tuple[str, ...] = (path,)
        self._document = document
        self._fields = json_fields(cache_control.encode("ascii"))

    async def answer(self, _request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Return the document; 405 for every other method."""
        if access.method not in _METHODS:
            record.refusal = Refusal(RefusalCode.METHOD_NOT_ALLOWED, "a method that this path does not have")
            return method_not_allowed(_METHODS, access.request_id)
        return Response(200, self._fields, self._document())
