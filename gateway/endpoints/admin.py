"""The admin port: health, metrics and revocation, none of which is on the public port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from ipaddress import ip_address

import msgspec
import structlog

from gateway.endpoints.refusals import method_not_allowed, refusal_response
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import Response, json_fields
from gateway.model.errors import MalformedError
from gateway.model.host import parse_authority
from gateway.model.refusal import Refusal, RefusalCode
from gateway.source.addresses import is_loopback

Render = Callable[[], Awaitable[tuple[bytes, str]]]
"""Returns the metrics of all processes, and their content type."""

_log = structlog.get_logger(__name__)


class AdminEndpoint(msgspec.Struct, frozen=True):
    """What answers at one path, to one method; also to HEAD where that is GET (RFC 9110 section 9.3.2)."""

    method: str
    answer: Callable[[DownstreamRequest, str], Awaitable[Response]]

    @property
    def methods(self) -> tuple[str, ...]:
        """The allowed methods."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


class AdminPort:
    """Passes each request to the endpoint of exactly its path.

    `listen.admin` has every endpoint; `listen.health`, which kubelets and scrapers reach, has health and metrics alone.
    `new_id` makes request ids; no client's are used here. `hosts` are the names by which the port may be asked besides
    those that are nobody's to give away.
    """

    def __init__(
        self, endpoints: Mapping[str, AdminEndpoint], new_id: Callable[[], str], hosts: Collection[str] = ()
    ) -> None:
        self._endpoints = dict(endpoints)
        self._new_id = new_id
        self._hosts = frozenset(hosts)

    async def answer(self, request: DownstreamRequest) -> Response:
        """Answer one request; raises nothing."""
        request_id = self._new_id()
        if not all(self._is_ours(host) for host in request.head.block.headers.all(b"host")):
            return refusal_response(Refusal(RefusalCode.MISDIRECTED, "listen.admin_hosts"), request_id)
        endpoint = self._endpoints.get(request.head.target.partition("?")[0])
        if endpoint is None:
            return refusal_response(Refusal(RefusalCode.NOT_FOUND), request_id)
        if request.head.method not in endpoint.methods:
            return method_not_allowed(endpoint.methods, request_id)
        try:
            return await endpoint.answer(request, request_id)
        except Exception:  # noqa: BLE001 - any fault is logged here, and answered in our own words
            _log.exception("request_failed", endpoint="admin", request_id=request_id)
            return refusal_response(Refusal(RefusalCode.INTERNAL), request_id)

    def _is_ours(self, host: bytes) -> bool:
        """Tell whether a Host field names this port and not a page's server.

        A page may have its own name resolved to our address, and then reads what we answer as its own (DNS rebinding).
        It cannot do so by an address, nor by a name that no public server answers for: those of this machine (RFC 6761
        section 6.3), and those without a dot, which the machines of one network have among themselves.
        """
        try:
            name = parse_authority(host.decode("latin-1"), "http").name
        except MalformedError:
            return False
        return name in self._hosts or "." not in name or is_loopback(name) or _is_address(name)


class Health(msgspec.Struct, frozen=True):
    """How the processes that serve are: `alive` while one of them serves, `ready` while all do and none is to end."""

    alive: Callable[[], bool]
    ready: Callable[[], bool]


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def health_endpoints(health: Health, render: Render) -> dict[str, AdminEndpoint]:
    """Return the endpoints for kubelets and scrapers, by path.

    `/healthz` is 200 as long as the event loop runs and somebody serves, `/readyz` while everybody does: 503 while
    starting and draining. Redis and authorities do not count, because taking every replica out of service would heal
    neither. `render` returns the metrics and their content type.
    """

    async def healthz(_request: DownstreamRequest, _request_id: str) -> Response:
        return _status(200, "healthy") if health.alive() else _status(503, "nobody serves")

    async def readyz(_request: DownstreamRequest, _request_id: str) -> Response:
        return _status(200, "ready") if health.ready() else _status(503, "not ready")

    async def metrics(_request: DownstreamRequest, _request_id: str) -> Response:
        body, content_type = await render()
        return Response(200, ((b"Content-Type", content_type.encode("ascii")), (b"Cache-Control", b"no-store")), body)

    answers = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    return {path: AdminEndpoint("GET", answer) for path, answer in answers.items()}


def _status(status: int, state: str) -> Response:
    return Response(status, json_fields(), msgspec.json.encode({"status": state}))
