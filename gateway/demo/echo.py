"""The demo's upstream: it answers with its request, so that a newcomer sees what an upstream gets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import WSMsgType, web

from gateway.demo.index_page import index_page

_CHUNKS_DEFAULT, _MAX_CHUNKS = 5, 10_000
_DELAY_DEFAULT, _MAX_DELAY = 0.0, 60.0  # in seconds
_SECONDS_DEFAULT, _MAX_SECONDS = 1.0, 300.0
_FIELD_BYTES, _FIELDS = 256 * 1024, 512
"""Far more than the gateway forwards and adds, so that a large token is no 400 of the upstream."""


class EchoServer:
    """A running echo upstream on `port`."""

    def __init__(self, runner: web.ServerRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def close(self) -> None:
        """Stop listening and close the connections."""
        await self._runner.cleanup()


async def start_echo(host: str, port: int) -> EchoServer:
    """Listen on `host` and `port` (0: any free port); raises OSError when that cannot be bound."""
    server = web.Server(
        _answer,
        access_log=None,
        auto_decompress=False,
        max_line_size=_FIELD_BYTES,
        max_field_size=_FIELD_BYTES,
        max_headers=_FIELDS,
    )
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    return EchoServer(runner, int(runner.addresses[0][1]))


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    """Answer by the last segment of the path, so that routes may have any prefix; a browser at `/` by a page."""
    if request.method == "GET" and request.path == "/" and "text/html" in request.headers.get("Accept", ""):
        return web.Response(text=index_page(request.headers), content_type="text/html")
    segment = request.raw_path.partition("?")[0].rpartition("/")[2]
    return await _HANDLERS.get(segment, _echo)(request)


async def _echo(request: web.BaseRequest) -> web.StreamResponse:
    """Answer with the request; of its body with size and digest, as it is not kept in memory."""
    digest, size = hashlib.sha256(), 0
    async for data in request.content.iter_any():
        digest.update(data)
        size += len(data)
    echo = {
        "method": request.method,
        "target": request.raw_path,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.raw_headers],
        "body_bytes": size,
        "body_sha256": digest.hexdigest(),
    }
    return web.Response(body=msgspec.json.encode(echo), content_type="application/json")


async def _stream(request: web.BaseRequest) -> web.StreamResponse:
    """Send `chunks` lines, `delay` seconds apart."""
    chunks = int(_number(request, "chunks", _CHUNKS_DEFAULT, _MAX_CHUNKS))
    delay = _number(request, "delay", _DELAY_DEFAULT, _MAX_DELAY)
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    await response.prepare(request)
    for position in range(chunks):
        await response.write(f"chunk {position}\n".encode())
        await asyncio.sleep(delay)
    await response.write_eof()
    return response


async def _slow(request: web.BaseRequest) -> web.StreamResponse:
    """Answer after `seconds`."""
    seconds = _number(request, "seconds", _SECONDS_DEFAULT, _MAX_SECONDS)
    await asyncio.sleep(seconds)
    return web.Response(body=msgspec.json.encode({"slept": seconds}), content_type="application/json")


async def _websocket(request: web.BaseRequest) -> web.StreamResponse:
    """Send each message back as it came."""
    socket = web.WebSocketResponse()
    if not socket.can_prepare(request):
        return web.Response(status=400, body=b'{"error":"a WebSocket handshake is needed"}')
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


def _number(request: web.BaseRequest, name: str, default: float, maximum: float) -> float:
    """Return a number of the query, bounded by 0 and `maximum`; what is no number is the default."""
    try:
        value = float(request.query.get(name, default))
    except ValueError:
        return default
    return min(max(value, 0.0), maximum) if value == value else default  # noqa: PLR0124 - NaN alone differs from itself


_HANDLERS: dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
    "stream": _stream,
    "slow": _slow,
    "ws": _websocket,
}
