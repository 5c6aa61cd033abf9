"""Connections of callers that ask once and stay, and callers that ask as many different things as they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

_AT_ONCE = 32
_PORTS_EACH = 5000
"""Connections from one address of ours: an address has some 28,000 ports, and others may use them too."""

_OK = b"HTTP/1.1 200 "
_LENGTH = b"\r\ncontent-length: "

Caller = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def request(headers: Mapping[str, str]) -> bytes:
    """Return a small GET with those headers."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET /small HTTP/1.1\r\nHost: bench\r\n{fields}\r\n".encode()


async def ask_all(port: int, requests: Iterable[bytes]) -> None:
    """Send every request, over a few connections that are closed at the end."""
    left = iter(requests)

    async def ask_some() -> None:
        caller = await asyncio.open_connection("127.0.0.1", port)
        for one in left:
            await ask(caller, one)
        caller[1].close()

    await asyncio.gather(*(ask_some() for _ in range(_AT_ONCE)))


async def hold(port: int, one: bytes, count: int) -> list[Caller]:
    """Open `count` connections, ask once on each, and return them open."""
    numbers = iter(range(count))
    held: list[Caller] = []

    async def open_some() -> None:
        for number in numbers:
            source = (f"127.0.0.{1 + number // _PORTS_EACH}", 0)
            caller = await asyncio.open_connection("127.0.0.1", port, local_addr=source, limit=4096)
            await ask(caller, one)
            held.append(caller)

    await asyncio.gather(*(open_some() for _ in range(_AT_ONCE)))
    return held


async def ask(caller: Caller, one: bytes) -> None:
    """Ask, and read the answer; anything but 200 fails the bench."""
    reader, writer = caller
    writer.write(one)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(_OK):
        raise SystemExit(f"not answered: {head!r}")
    length = head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
