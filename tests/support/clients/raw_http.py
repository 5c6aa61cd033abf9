"""A client that sends the bytes it is given and reads one response after another, as they stand on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

PATIENCE = 30.0
"""Seconds until a test that waits for bytes gives up; a bound for a broken program, not an expectation: on a machine
that has much else to do, a gateway of several processes may take ten to start."""


@dataclass(frozen=True)
class RawResponse:
    """One response. `headers` keep case, order and duplicates; `body` is without chunked framing."""

    status: int
    reason: bytes
    version: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: bytes) -> bytes | None:
        values = self.all(name)
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One connection. Every read is bounded by PATIENCE; a connection that ends early raises IncompleteReadError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self, *, head: bool = False, interim: bool = False) -> RawResponse:
        """Read one response; `head`: to a HEAD request. Interim (1xx) responses are skipped unless asked for."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self._response(head=head)
                if interim or found.status >= 200 or found.status == 101:
                    return found

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def read_some(self) -> bytes:
        """Return what has come, at least a byte; empty at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(65536)

    async def read_all(self) -> bytes:
        """Return what comes until the peer closes; a reset counts as the end."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while data := await self.read_some():
                received += data
        return received

    async def chunk(self) -> bytes:
        """Read one chunk of a chunked body; empty for the last."""
        async with asyncio.timeout(PATIENCE):
            return await self._chunk()

    async def head(self) -> RawResponse:
        """Read a response's head and leave its body on the wire."""
        async with asyncio.timeout(PATIENCE):
            return await self._head()

    def abort(self) -> None:
        self.writer.transport.abort()

    async def _response(self, *, head: bool) -> RawResponse:
        found = await self._head()
        if head or found.status in {204, 304} or found.status < 200:
            return found
        if b"chunked" in b",".join(found.all(b"transfer-encoding")).lower():
            body = b""
            while data := await self._chunk():
                body += data
        elif (length := found.one(b"content-length")) is not None:
            body = await self.reader.readexactly(int(length))
        else:
            body = await self.reader.read(-1)
        return RawResponse(found.status, found.reason, found.version, found.headers, body)

    async def _head(self) -> RawResponse:
        raw = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = raw[:-4].split(b"\r\n")
        version, status, *reason = first.split(b" ", 2)
        pairs = tuple((name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines))
        return RawResponse(int(status), reason[0] if reason else b"", version, pairs, b"")

    async def _chunk(self) -> bytes:
        size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
        data = await self.reader.readexactly(size)
        await self.reader.readexactly(2)
        return data


@contextlib.asynccontextmanager
async def raw_client(port: int | str, host: str = "127.0.0.1") -> AsyncIterator[RawClient]:
    """Connect, to a port or to `unix:/path`, and close at the end."""
    if isinstance(port, str):
        reader, writer = await asyncio.open_unix_connection(port.removeprefix("unix:"), limit=1 << 20)
    else:
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(port: int | str, request: bytes, *, head: bool = False) -> RawResponse:
    """Send one request on a connection of its own and return the response."""
    async with raw_client(port) as client:
        await client.send(request)
        return await client.response(head=head)


async def conversation(port: int, request: bytes) -> bytes:
    """Send bytes and return all that comes back until the peer closes."""
    async with raw_client(port) as client:
        await client.send(request)
        return await client.read_all()
