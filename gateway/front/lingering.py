"""Bytes that nobody wants any more, read and dropped so that the caller can read its answer.

A socket that is closed while bytes wait in it sends a reset, and the reset may overtake the answer (RFC 9112
section 9.6).
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web
from aiohttp.streams import StreamReader

from gateway.http1.faults import ExchangeError

_LINGER_SECONDS = 5.0
"""How long a caller may go on sending what is dropped."""


async def drop_rest(payload: StreamReader) -> bool:
    """Read the rest of a body that nobody wanted; tell whether it came to its end in time."""
    with contextlib.suppress(TimeoutError, ExchangeError, web.RequestPayloadError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while not payload.is_eof():
                await payload.readany()
    return payload.is_eof()


class Deaf:
    """A RawPeer that hears nothing but the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._gone: asyncio.Future[None] = loop.create_future()

    async def linger(self, transport: asyncio.Transport | None) -> None:
        """Say that no more is coming, and give the caller a moment to read the answer before the connection goes."""
        if transport is None or transport.is_closing():
            return
        transport.resume_reading()
        with contextlib.suppress(OSError, NotImplementedError):  # TLS has no half-closed connections
            transport.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await self._gone

    def received(self, data: bytes) -> None:
        """Drop what comes."""

    def ended(self) -> None:
        """Let the connection be forgotten."""
        if not self._gone.done():
            self._gone.set_result(None)

    def paused(self) -> None:
        """Nothing more is written."""

    def resumed(self) -> None:
        """Nothing more is written."""
