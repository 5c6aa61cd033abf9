"""Reads a proxy's header from a connection, and not a byte of what follows it."""

from __future__ import annotations

import asyncio
import socket

from gateway.http1.proxy_header import ProxyHeader, ProxyHeaderError, ProxyHeaderReader

_PIECE = 4096
"""Bytes that are looked at together: more than a header has."""


async def read_header(connection: socket.socket, most: int) -> ProxyHeader | None:
    """Return the header, None where the connection ends without a byte, as a check of its port does.

    Raises ProxyHeaderError for one that cannot be read or has more than `most` bytes, and OSError.
    """
    reader = ProxyHeaderReader(most)
    while reader.header is None:
        piece = await _look(connection)
        if not piece:
            if reader.begun:
                raise ProxyHeaderError("the connection ended within the PROXY header")
            return None
        connection.recv(reader.feed(piece))
    return reader.header


async def _look(connection: socket.socket) -> bytes:
    """Wait for bytes, and return them without taking them: what is behind the header is TLS, or a request."""
    while True:
        try:
            return connection.recv(_PIECE, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            await _readable(connection)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(connection.fileno(), _resolve, readable)
    try:
        await readable
    finally:
        loop.remove_reader(connection.fileno())


def _resolve(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
