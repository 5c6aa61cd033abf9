"""The demo's upstream: it answers with what it was sent, so that a newcomer sees what the gateway tells an upstream."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import WSMsgType, web

_CHUNKS_DEFAULT, _CHUNKS_MOST = 5, 10_000
_DELAY_DEFAULT, _DELAY_MOST = 0.0, 60.0
_SECONDS_DEFAULT, _SECONDS_MOST = 1.0, 300.0
_FIELD_BYTES, _FIELDS = 256 * 1024, 512
"""Far more than the gateway lets through and adds: a large token is shown, and is no 400 of the upstream's."""


class EchoServer:
    """A running echo upstream; `port` is the one that was bound."""

    def __init__(self, runner: web.ServerRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def close(self) -> None:
        """Stop listening and end what still runs."""
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
    """Choose by the last part of the path, so that it can be mounted under any prefix."""
    ending = request.raw_path.partition("?")[0].rpartition("/")[2]
    return await _ANSWERS.get(ending, _echo)(request)


async def _echo(request: web.BaseRequest) -> web.StreamResponse:
    """Answer with the request; its body is told by size and digest, never held in memory."""
    digest, size = hashlib.sha256(), 0
    async for data in request.content.iter_any():
        digest.update(data)
        size += len(data)
    told = {
        "method": request.method,
        "target": request.raw_path,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.raw_headers],
        "body_bytes": size,
        "body_sha256": digest.hexdigest(),
    }
    return web.Response(body=msgspec.json.encode(told), content_type="application/json")


async def _stream(request: web.BaseRequest) -> web.StreamResponse:
    """Send `chunks` lines, `delay` seconds apart, each as soon as it is due."""
    chunks = int(_number(request, "chunks", _CHUNKS_DEFAULT, _CHUNKS_MOST))
    delay = _number(request, "delay", _DELAY_DEFAULT, _DELAY_MOST)
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    await response.prepare(request)
    for position in range(chunks):
        await response.write(f"chunk {position}\n".encode())
        await asyncio.sleep(delay)
    await response.write_eof()
    return response


async def _slow(request: web.BaseRequest) -> web.StreamResponse:
    """Answer after `seconds`."""
    seconds = _number(request, "seconds", _SECONDS_DEFAULT, _SECONDS_MOST)
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


def _number(request: web.BaseRequest, name: str, default: float, most: float) -> float:
    """Return a number of the query, held within 0 and `most`; what is no number is the default."""
    try:
        value = float(request.query.get(name, default))
    except ValueError:
        return default
    return min(max(value, 0.0), most) if value == value else default  # noqa: PLR0124 - NaN alone differs from itself


_ANSWERS: dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
    "stream": _stream,
    "slow": _slow,
    "ws": _websocket,
}
