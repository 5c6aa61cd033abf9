"""An OTLP/HTTP collector on loopback: it decodes what it is sent, or keeps whoever sends waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.clients.raw_http import PATIENCE

SERVER, CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT


class Collector:
    """`spans` are all that came, `resources` who sent them, `headers` those of each batch.

    While it `hangs` it takes batches and answers none; it answers with `status`.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0
        self.status = 200
        self.hangs = False
        self._came = asyncio.Condition()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the standard variables that make a program send here, and soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "10", **more}

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds`, which is asked after each batch."""
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(holds)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    async def take(self, request: web.Request) -> web.Response:
        batch = ExportTraceServiceRequest.FromString(await request.read())
        async with self._came:
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            for sent in batch.resource_spans:
                self.resources.append(told(sent.resource.attributes))
                if self.status == 200 and not self.hangs:
                    self.spans += [span for scope in sent.scope_spans for span in scope.spans]
            self._came.notify_all()
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(
            status=self.status,
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )


def told(attributes: object) -> dict[str, str]:
    """Return attributes as texts."""
    found: dict[str, str] = {}
    for each in attributes:  # type: ignore[attr-defined]
        assert isinstance(each, KeyValue)
        found[each.key] = str(getattr(each.value, each.value.WhichOneof("value") or ""))
    return found


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Listen at `/v1/traces`, the path that the standard has, until the end."""
    collector = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.port = runner.addresses[0][1]
    try:
        yield collector
    finally:
        await runner.cleanup()
