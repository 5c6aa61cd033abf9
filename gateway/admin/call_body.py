"""The body of a call, under limits of size and time."""

from __future__ import annotations

import asyncio

from aiohttp import web

from gateway.admin.web_answers import CallRefusedError
from gateway.model.refusal import Refusal, RefusalCode

BODY_SECONDS = 10.0
"""Within which a body is whole: an operator's request comes at once."""


async def read_body(request: web.Request, most: int, seconds: float = BODY_SECONDS) -> bytes:
    """Return all of it; raises CallRefusedError when it is longer than `most` bytes, or not whole after `seconds`."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > most:
                    raise CallRefusedError(Refusal(RefusalCode.TOO_LARGE, "the body is too long"))
    except TimeoutError:
        raise CallRefusedError(Refusal(RefusalCode.TIMEOUT, "the body did not arrive in time")) from None
    return bytes(body)
