"""A TCP proxy that misbehaves when told: between a client under test and a real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator

_CHUNK = 65536


class ChaosProxy:
    """Carries bytes both ways. `delay` holds back each answer so many seconds; `blackhole` swallows all of them.

    `refuse` resets new connections; `reset` and `half_close` strike those that stand.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.delay = 0.0
        self.blackhole = False
        self.refuse = False
        self.port = 0

    @property
    def connections(self) -> int:
        return len(self._clients)

    def lead_to(self, host: str, port: int) -> None:
        """Carry new connections to another server, as a name does that has moved."""
        self._target = (host, port)

    def reset(self) -> None:
        """Answer what stands with RST."""
        for client in tuple(self._clients):
            _reset(client)

    def half_close(self) -> None:
        """Send FIN to the clients and go on reading."""
        for client in tuple(self._clients):
            with contextlib.suppress(OSError):
                client.write_eof()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.refuse:
                _reset(writer)
                return
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
            self._clients.add(writer)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(reader, upstream_writer, answers=False))
                    group.create_task(self._pump(upstream_reader, writer, answers=True))
            finally:
                self._clients.discard(writer)
                upstream_writer.close()
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def aclose(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while chunk := await reader.read(_CHUNK):
            if answers and self.delay:
                await asyncio.sleep(self.delay)
            if not self.blackhole:
                writer.write(chunk)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def chaos_proxy(host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[ChaosProxy]:
    """Stand before a server; with `tls`, clients speak TLS to the proxy."""
    proxy = ChaosProxy(host, port)
    server = await asyncio.start_server(proxy.carry, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.aclose()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
