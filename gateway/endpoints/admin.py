"""The admin port: health, metrics and revocation. Nothing of it stands on the public port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from gateway.endpoints.refusals import refusal_response
from gateway.model.decision import Response, json_fields
from gateway.model.refusal import Refusal, RefusalCode
from gateway.upstream.client_request import DownstreamRequest

Render = Callable[[], Awaitable[tuple[bytes, str]]]
"""Returns the metrics of every process, and their content type."""

_log = structlog.get_logger(__name__)


class Page(msgspec.Struct, frozen=True):
    """What answers at one path, by one method; HEAD is answered where GET is (RFC 9110 section 9.3.2)."""

    method: str
    answer: Callable[[DownstreamRequest, str], Awaitable[Response]]

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are allowed here."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


class AdminPort:
    """Hands each request to the page of its path, word for word.

    `listen.admin` has every page; `listen.health`, which kubelets and scrapers reach, has health and metrics alone.
    `new_id` makes request ids; nobody's are taken over here.
    """

    def __init__(self, pages: Mapping[str, Page], new_id: Callable[[], str]) -> None:
        self._pages = dict(pages)
        self._new_id = new_id

    async def answer(self, request: DownstreamRequest) -> Response:
        """Answer one request; raises for nothing but a client that has gone."""
        request_id = self._new_id()
        page = self._pages.get(request.target.partition("?")[0])
        if page is None:
            return refusal_response(Refusal(RefusalCode.NOT_FOUND), request_id)
        if request.method not in page.methods:
            allowed = ((b"Allow", ", ".join(page.methods).encode("ascii")),)
            return refusal_response(Refusal(RefusalCode.METHOD_NOT_ALLOWED), request_id, allowed)
        try:
            return await page.answer(request, request_id)
        except ConnectionError:  # the client has gone; aiohttp's own kind of it is one too
            raise
        except Exception:  # noqa: BLE001 - whatever went wrong is logged here, and told to the caller in our own words
            _log.exception("request_failed", endpoint="admin", request_id=request_id)
            return refusal_response(Refusal(RefusalCode.INTERNAL), request_id)


def health_endpoints(ready: Callable[[], bool], render: Render) -> dict[str, Page]:
    """Return the pages for kubelets and scrapers.

    `/healthz` is 200 as long as the loop runs. `/readyz` is 200 while `ready()` and 503 while starting and draining:
    Redis and authorities do not count, because taking every replica out of service heals neither of them. `render`
    returns the metrics and their content type.
    """

    async def healthz(_request: DownstreamRequest, _request_id: str) -> Response:
        return _told(200, "healthy")

    async def readyz(_request: DownstreamRequest, _request_id: str) -> Response:
        return _told(200, "ready") if ready() else _told(503, "not ready")

    async def metrics(_request: DownstreamRequest, _request_id: str) -> Response:
        body, content_type = await render()
        return Response(200, ((b"Content-Type", content_type.encode("ascii")), (b"Cache-Control", b"no-store")), body)

    return {"/healthz": Page("GET", healthz), "/readyz": Page("GET", readyz), "/metrics": Page("GET", metrics)}


def _told(status: int, state: str) -> Response:
    return Response(status, json_fields(), msgspec.json.encode({"status": state}))
