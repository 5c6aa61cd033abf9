"""npm's `ws` in a Node.js of its own, moved by tests/e2e/npm/websocket.mjs."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any

from tests.support.clients.raw_http import PATIENCE
from tests.support.clients.websocket_ends import End, Library, Listener, Message, RefusedError, encoded
from tests.support.repository import ROOT

_NPM = ROOT / "tests/e2e/npm"
_LONGEST_LINE = 1 << 26
"""Bytes: messages stand in the lines, in base64."""


@contextlib.asynccontextmanager
async def npm_ws() -> AsyncIterator[Library]:
    """Run Node.js until the end; raises RuntimeError where it or `ws` is missing."""
    node = shutil.which("node")
    if node is None or not (_NPM / "node_modules/ws").exists():
        raise RuntimeError("no `ws`: run tests/e2e/run, which gets Node.js and what npm has")
    process = await asyncio.create_subprocess_exec(
        node, _NPM / "websocket.mjs", stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE
    )
    peer = _Ws(process)
    hearing = asyncio.create_task(peer.hear())  # noqa: TID251 - held here, and awaited
    try:
        yield peer
    finally:
        assert process.stdin is not None
        process.stdin.close()  # what PyPI calls `node` starts the real one, and passes no signal on
        await hearing
        await process.wait()


class _Ws:
    """The process: orders go in as lines of JSON, and events come out, each for one socket."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders, self._events = process.stdin, process.stdout
        self._numbers = count(1)
        self._heard: defaultdict[tuple[int, str], asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)

    async def hear(self) -> None:
        async for line in self._events:
            event = json.loads(line)
            self._heard[event["socket"], event["event"]].put_nowait(event)

    async def order(self, socket: int, what: str, **more: Any) -> None:
        self._orders.write(json.dumps({"socket": socket, "do": what, **more}).encode() + b"\n")
        await self._orders.drain()

    async def heard(self, socket: int, event: str) -> dict[str, Any]:
        """Return the next event of that name."""
        return await asyncio.wait_for(self._heard[socket, event].get(), PATIENCE)

    @contextlib.asynccontextmanager
    async def connected(self, url: str, headers: Mapping[str, str], *, compress: bool) -> AsyncIterator[End]:
        number = next(self._numbers)
        await self.order(number, "connect", url=url, headers=headers, compress=compress)
        answered = await self.heard(number, "answered")
        if answered["status"] != HTTPStatus.SWITCHING_PROTOCOLS:
            raise RefusedError(answered["status"])
        yield _WsEnd(self, number, answered)
        await self.order(number, "drop")

    @contextlib.asynccontextmanager
    async def listening(self, *, compress: bool) -> AsyncIterator[Listener]:
        await self.order(0, "listen", compress=compress)
        yield _WsListener(self, (await self.heard(0, "listening"))["port"])


class _WsListener:
    def __init__(self, process: _Ws, port: int) -> None:
        self._process = process
        self.port = port

    async def accepted(self) -> End:
        told = await self._process.heard(0, "accepted")
        return _WsEnd(self._process, told["number"], told)


class _WsEnd:
    def __init__(self, process: _Ws, number: int, told: dict[str, Any]) -> None:
        self._process = process
        self._number = number
        self.compressed = "permessage-deflate" in told["extensions"]
        self.headers: Mapping[str, str] = told["headers"]

    async def send(self, message: Message, fragments: int = 1) -> None:
        data = base64.b64encode(encoded(message)).decode()
        text = isinstance(message, str)
        await self._process.order(self._number, "send", data=data, text=text, fragments=fragments)

    async def receive(self) -> Message:
        told = await self._process.heard(self._number, "message")
        data = base64.b64decode(told["data"])
        return data.decode() if told["text"] else data

    async def ping(self, data: str) -> None:
        await self._process.order(self._number, "ping", data=data)
        assert (await self._process.heard(self._number, "pong"))["data"] == data

    async def close(self, code: int, reason: str) -> None:
        await self._process.order(self._number, "close", code=code, reason=reason)

    async def drop(self) -> None:
        await self._process.order(self._number, "drop")

    async def closed(self) -> tuple[int, str]:
        told = await self._process.heard(self._number, "close")
        return told["code"], told["reason"]
