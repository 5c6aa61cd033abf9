"""A real proxy with the very files of deploy/, the gateway that it asks, and a recording application behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import ADMIN_TOKEN, Examples, Gateway, config, serving
from tests.support.servers.ports import free_port
from tests.support.servers.proxies import OVER_GRPC, running_proxy
from tests.support.servers.recording_upstream import (
    Conversation,
    RecordedRequest,
    RecordingUpstream,
    UpstreamSide,
    recording_upstream,
)

HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


async def app(side: UpstreamSide) -> None:
    """Answer every request, and echo the bytes of a WebSocket."""
    while (request := await side.request()) is not None:
        if request.one(b"sec-websocket-key") is None:
            await side.send(side.upstream.answer)
            continue
        await side.send(SWITCH)
        while data := await side.reader.read(65536):
            await side.send(data)


@dataclass
class Stand:
    """A proxy, the gateway that it asks and the application behind it."""

    kind: str
    port: int
    gateway: Gateway
    app: RecordingUpstream

    async def ask(self, target: str, *lines: str, method: str = "GET", host: str = "app.test") -> RawResponse:
        return await exchange(self.port, raw(method, target, host, "Connection: close", *lines))

    def came(self) -> list[RecordedRequest]:
        """Return what the application got since it was last asked."""
        found = list(self.app.requests)
        self.app.requests.clear()
        return found


def raw(method: str, target: str, host: str, *lines: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in (f"{method} {target} HTTP/1.1", f"Host: {host}", *lines))
    return head.encode("latin-1") + b"\r\n"


@asynccontextmanager
async def standing(
    kind: str, examples: Examples, folder: Path, application: Conversation = app, **sections: Any
) -> AsyncIterator[Stand]:
    """Run the proxy of that kind in front of `application`; `sections` are of the gateway's config."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(recording_upstream(application))
        gateway = await stack.enter_async_context(asked_by(kind, examples, folder, **sections))
        proxy = running_proxy(
            kind, folder, asked_port(kind, gateway), upstream.port, raw("GET", "/public/", "app.test")
        )
        running = Stand(kind, await stack.enter_async_context(proxy), gateway, upstream)
        running.came()
        yield running


def asked_port(kind: str, gateway: Gateway) -> int:
    """Return the port at which a proxy of that kind asks."""
    return gateway.grpc_port if kind == OVER_GRPC else gateway.port


def door_of(kind: str) -> dict[str, Any]:
    """Return the sections of a gateway that a proxy of that kind may ask."""
    if kind != OVER_GRPC:
        return {"forward_auth": {kind.partition(" ")[0]: {"peers": ["127.0.0.1/32"]}}}
    ports = dict.fromkeys(("public", "admin", "grpc"), "127.0.0.1:0")
    listen = ports | {"admin_token": ADMIN_TOKEN}
    return {"listen": listen, "ext_authz": {"peers": ["127.0.0.1/32"]}}


@asynccontextmanager
async def asked_by(kind: str, examples: Examples, folder: Path, **sections: Any) -> AsyncIterator[Gateway]:
    """Run the gateway that a proxy of that kind asks."""
    settings = config(
        free_port(),
        examples.settings(folder),
        **door_of(kind),
        redis={"url": f"redis://127.0.0.1:{free_port()}/0"},  # nobody listens there: Redis is down throughout
        **sections,
    )
    async with serving(settings, folder) as gateway:
        yield gateway
