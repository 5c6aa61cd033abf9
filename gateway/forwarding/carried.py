"""The answer that has already gone out, in the shape that aiohttp's handlers return."""

from __future__ import annotations

from aiohttp import web


class CarriedResponse(web.StreamResponse):
    """Stands for bytes that were written past aiohttp's response writer, so there is nothing left to prepare.

    `keep_alive` tells whether the caller's connection may carry another request.
    """

    def __init__(self, status: int, *, keep_alive: bool) -> None:
        # The parent's constructor makes a header map that nobody would read, on every request.
        self._status = status
        self._keep_alive = keep_alive
        self._eof_sent = True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing: the head was sent."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the body was sent."""
