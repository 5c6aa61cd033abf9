"""An upstream that records exactly the bytes it received, and answers with the bytes it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Conversation = Callable[["UpstreamSide"], Awaitable[None]]


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it stood on the wire; `body` is without chunked framing, `raw` with it."""

    method: bytes
    target: bytes
    version: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    raw: bytes

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: bytes) -> bytes | None:
        values = self.all(name)
        return values[0] if values else None


@dataclass
class UpstreamSide:
    """The upstream's end of one connection; a conversation reads requests from it and writes answers to it."""

    upstream: RecordingUpstream
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    taken: bytearray = field(default_factory=bytearray)

    async def request(self) -> RecordedRequest | None:
        """Read one request and record it; None when the connection ends first."""
        try:
            found = await self._read()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.upstream.requests.append(found)
        self.upstream.arrived.set()
        return found

    async def head(self) -> RecordedRequest:
        """Read a head and record it; the body stays on the wire."""
        found = self._parse(await self._until(b"\r\n\r\n"))
        self.upstream.requests.append(found)
        self.upstream.arrived.set()
        return found

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def closed(self) -> None:
        """Wait until the gateway has closed or reset this connection, and discard what comes before that."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    async def _read(self) -> RecordedRequest:
        self.taken.clear()
        found = self._parse(await self._until(b"\r\n\r\n"))
        body = b""
        if b"chunked" in b",".join(found.all(b"transfer-encoding")).lower():
            while size := int((await self._until(b"\r\n")).split(b";")[0], 16):
                body += await self._exactly(size)
                await self._exactly(2)
            while await self._until(b"\r\n") != b"\r\n":
                pass
        elif (length := found.one(b"content-length")) is not None:
            body = await self._exactly(int(length))
        return RecordedRequest(found.method, found.target, found.version, found.headers, body, bytes(self.taken))

    def _parse(self, raw: bytes) -> RecordedRequest:
        first, *lines = raw[:-4].split(b"\r\n")
        method, target, version = first.split(b" ")
        pairs = tuple((name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines))
        return RecordedRequest(method, target, version, pairs, b"", raw)

    async def _until(self, mark: bytes) -> bytes:
        data = await self.reader.readuntil(mark)
        self.taken += data
        return data

    async def _exactly(self, size: int) -> bytes:
        data = await self.reader.readexactly(size)
        self.taken += data
        return data


async def answer_each(side: UpstreamSide) -> None:
    """Answer every request with the upstream's `answer`, keeping the connection."""
    while await side.request() is not None:
        await side.send(side.upstream.answer)


class RecordingUpstream:
    """`requests` are those that came, over all connections; `connections` counts those that were opened."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._tasks: set[asyncio.Task[object]] = set()
        self.answer = OK
        self.requests: list[RecordedRequest] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._conversation(UpstreamSide(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()  # by `end`: the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def end(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def recording_upstream(
    conversation: Conversation = answer_each,
    port: int = 0,
    *,
    path: Path | None = None,
    ssl: ssl.SSLContext | None = None,
) -> AsyncIterator[RecordingUpstream]:
    """Listen on a free port of loopback (or on `port`), or at a socket file, until the end."""
    upstream = RecordingUpstream(conversation)
    if path is not None:
        server = await asyncio.start_unix_server(upstream.serve, path, limit=1 << 20)
    else:
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", port, limit=1 << 20, ssl=ssl)
        upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        await upstream.end()
        await server.wait_closed()
