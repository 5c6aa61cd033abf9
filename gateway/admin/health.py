"""Health and metrics, for kubelets and scrapers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from gateway.admin.web_answers import to_web
from gateway.model.decision import Response, json_fields

Render = Callable[[], Awaitable[tuple[bytes, str]]]
"""Returns the metrics of all processes, and their content type."""


class Health(msgspec.Struct, frozen=True):
    """How the processes that serve are: `alive` while one of them serves, `ready` while all do and none is to end."""

    alive: Callable[[], bool]
    ready: Callable[[], bool]


def health_routes(health: Health, render: Render) -> list[web.RouteDef]:
    """Return the routes of health and metrics.

    `/healthz` is 200 as long as the event loop runs and somebody serves, `/readyz` while everybody does: 503 while
    starting and draining. Redis and authorities do not count, because taking every replica out of service would heal
    neither. `render` returns the metrics and their content type.
    """

    async def healthz(_request: web.Request) -> web.Response:
        return _status(200, "healthy") if health.alive() else _status(503, "nobody serves")

    async def readyz(_request: web.Request) -> web.Response:
        return _status(200, "ready") if health.ready() else _status(503, "not ready")

    async def metrics(_request: web.Request) -> web.Response:
        body, content_type = await render()
        fields = ((b"Content-Type", content_type.encode("ascii")), (b"Cache-Control", b"no-store"))
        return to_web(Response(200, fields, body))

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


def _status(status: int, state: str) -> web.Response:
    return to_web(Response(status, json_fields(), msgspec.json.encode({"status": state})))
