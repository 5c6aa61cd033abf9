"""A real Traefik reads the printed resources from an API server: who passes, and what an application is told."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from ruamel.yaml import YAML

from gateway.commands.front_config import front
from tests.charts.translated import ENVIRONMENT
from tests.support.clients.raw_http import exchange
from tests.support.gateways.proxy_stand import HANDSHAKE, app, asked_by, raw
from tests.support.gateways.serving import PROJECT_KEY, Examples
from tests.support.repository import DEPLOY
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

TRAEFIK = Path(sys.executable).with_name("traefik")
KEY = f"X-Api-Key: {PROJECT_KEY}"
KINDS = (
    *(
        "ConfigMap",
        "EndpointSlice",
        "IngressRoute",
        "IngressRouteTCP",
        "IngressRouteUDP",
        "Middleware",
        "MiddlewareTCP",
    ),
    *(
        "Node",
        "Secret",
        "ServersTransport",
        "ServersTransportTCP",
        "Service",
        "TLSOption",
        "TLSStore",
        "TraefikService",
    ),
)
BY_PLURAL = {f"{kind.lower()}s": kind for kind in KINDS}


class ApiServer:
    """Lists resources, and has none of any other kind; a watch never has news."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self.resources = resources
        self.over = asyncio.Event()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if "sendInitialEvents" in request.query:  # a watch that lists: an older server knows none
            refusal = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Invalid", "code": 422}
            return web.json_response(refusal, status=422)
        if "watch" in request.query:
            await self.over.wait()
            return web.json_response({})
        version, _, plural = request.path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")
        kind = BY_PLURAL[plural]
        found = [each for each in self.resources if each["kind"] == kind]
        listed = {"apiVersion": version, "kind": f"{kind}List", "metadata": {"resourceVersion": "1"}, "items": found}
        return web.json_response(listed)


def in_a_cluster(printed: str, gateway: int, application: int) -> list[dict[str, Any]]:
    """Return what the API server has: the printed resources, and the application's Service with its one address."""
    text = printed.replace("gateway.edge.svc.cluster.local:80", f"127.0.0.1:{gateway}")
    resources = list(YAML(typ="safe", pure=True).load_all(text))
    name = {"name": "app", "namespace": "default"}
    port = {"name": "http", "port": 8000, "protocol": "TCP"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": name, "spec": {"ports": [port], "type": "ClusterIP"}}
    slices = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**name, "labels": {"kubernetes.io/service-name": "app"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True, "serving": True}}],
        "ports": [{**port, "port": application}],
    }
    return [*resources, {**service, "spec": {**service["spec"], "clusterIP": "10.0.0.2"}}, slices]  # type: ignore[dict-item]


@contextlib.asynccontextmanager
async def reading(api: ApiServer, folder: Path) -> AsyncIterator[int]:
    """Run Traefik with `api` as its cluster; yield its port."""
    runner = web.ServerRunner(web.Server(api.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = free_port()
    (folder / "token").write_text("a-token")
    arguments = (
        f"--entryPoints.web.address=127.0.0.1:{port}",
        f"--providers.kubernetesCRD.endpoint=http://127.0.0.1:{runner.addresses[0][1]}",
        f"--providers.kubernetesCRD.token={folder}/token",
        "--log.level=DEBUG",
    )
    with (folder / "traefik.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(TRAEFIK, *arguments, cwd=folder, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()
        api.over.set()
        await runner.cleanup()


async def ready(port: int) -> None:
    """Wait until the routes are there; there is no event to wait for, so it is asked again and again."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if (await exchange(port, raw("GET", "/public/", "app.test"))).status == 200:
                    return
            await asyncio.sleep(0.05)


@pytest.fixture
async def stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: Examples
) -> AsyncIterator[tuple[int, RecordingUpstream]]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    printed = front(DEPLOY / "forward_auth/gateway.yaml", "traefik-kubernetes", None).output
    async with recording_upstream(app) as upstream, asked_by("traefik", examples, tmp_path) as gateway:
        api = ApiServer(in_a_cluster(printed, gateway.port, upstream.port))
        async with reading(api, tmp_path) as port:
            await ready(port)
            upstream.requests.clear()
            yield port, upstream


async def test_traefik_asks_about_every_request(stand: tuple[int, RecordingUpstream]) -> None:
    port, upstream = stand
    for lines, status in (((KEY,), 200), ((), 401), (("X-Api-Key: nobody's",), 401), ((KEY, "X_User_Id: forged"), 400)):
        assert (await exchange(port, raw("GET", "/echo/a", "app.test", "Connection: close", *lines))).status == status
    (request,) = upstream.requests
    assert request.one(b"X-Auth-Method") == b"api_key"
    assert request.all(b"X-Api-Key") == []


async def test_nothing_forged_arrives(stand: tuple[int, RecordingUpstream]) -> None:
    port, upstream = stand
    forged = ("X-User-Id: forged", "Remote-User: forged", "X-Real-Ip: 192.0.2.1", "X-Forwarded-For: 192.0.2.1")
    offer = ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade, HTTP2-Settings")
    assert (await exchange(port, raw("GET", "/echo/a", "app.test", KEY, *forged, *offer))).status == 200
    (request,) = upstream.requests
    assert b"forged" not in request.raw
    assert b"192.0.2.1" not in request.raw
    assert request.all(b"Upgrade") == []


async def test_a_websocket_is_let_through_where_its_caller_may(stand: tuple[int, RecordingUpstream]) -> None:
    port, _ = stand
    assert (await exchange(port, raw("GET", "/echo/ws", "app.test", *HANDSHAKE))).status == 401
    assert (await exchange(port, raw("GET", "/echo/ws", "app.test", KEY, *HANDSHAKE))).status == 101
