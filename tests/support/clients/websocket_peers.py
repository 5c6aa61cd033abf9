"""WebSockets of two libraries behind one face: PyPI's `websockets`, and npm's `ws` in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve

from tests.support.clients.npm_ws import npm_ws
from tests.support.clients.raw_http import PATIENCE
from tests.support.clients.websocket_ends import End, Library, Listener, Message, RefusedError, encoded


@contextlib.asynccontextmanager
async def library(name: str) -> AsyncIterator[Library]:
    """Yield `websockets` or `ws` for as long as it is needed."""
    if name == "websockets":
        yield _Websockets()
        return
    async with npm_ws() as found:
        yield found


class _Websockets:
    @contextlib.asynccontextmanager
    async def connected(self, url: str, headers: Mapping[str, str], *, compress: bool) -> AsyncIterator[End]:
        try:
            async with connect(
                url, additional_headers=headers, proxy=None, **_options(compress=compress)
            ) as connection:
                yield _WebsocketsEnd(connection)
        except websockets.InvalidStatus as refused:
            raise RefusedError(refused.response.status_code) from refused

    @contextlib.asynccontextmanager
    async def listening(self, *, compress: bool) -> AsyncIterator[Listener]:
        listener = _WebsocketsListener()
        async with serve(listener.accept, "127.0.0.1", 0, **_options(compress=compress)) as server:
            listener.port = server.sockets[0].getsockname()[1]
            yield listener


def _options(*, compress: bool) -> dict[str, Any]:
    return {"compression": "deflate" if compress else None, "max_size": None, "ping_interval": None}


class _WebsocketsListener:
    def __init__(self) -> None:
        self.port = 0
        self._accepted: asyncio.Queue[End] = asyncio.Queue()

    async def accept(self, connection: ServerConnection) -> None:
        self._accepted.put_nowait(_WebsocketsEnd(connection))
        await connection.wait_closed()

    async def accepted(self) -> End:
        return await asyncio.wait_for(self._accepted.get(), PATIENCE)


class _WebsocketsEnd:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.compressed = bool(connection.protocol.extensions)
        assert connection.request is not None
        self.headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}

    async def send(self, message: Message, fragments: int = 1) -> None:
        if fragments == 1:
            await self._connection.send(message)
            return
        data = encoded(message)
        size = -(-len(data) // fragments)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        await self._connection.send(pieces, text=isinstance(message, str))

    async def receive(self) -> Message:
        return await asyncio.wait_for(self._connection.recv(), PATIENCE)

    async def ping(self, data: str) -> None:
        await asyncio.wait_for(await self._connection.ping(data), PATIENCE)

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    async def drop(self) -> None:
        self._connection.transport.abort()

    async def closed(self) -> tuple[int, str]:
        await asyncio.wait_for(self._connection.wait_closed(), PATIENCE)
        assert self._connection.close_code is not None
        return self._connection.close_code, self._connection.close_reason or ""
