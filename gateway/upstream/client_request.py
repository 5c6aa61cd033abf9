"""One request as the front's parser read it, before anybody understood it."""

from __future__ import annotations

import msgspec
from aiohttp.streams import StreamReader

from gateway.upstream.downstream import DownstreamConnection


class DownstreamRequest(msgspec.Struct, frozen=True, eq=False):
    """The request line and the fields, byte for byte, and the body as it comes.

    `target` is as it was sent; bytes that are no UTF-8 are surrogates in it. `keep_alive` tells whether the caller's
    connection may carry another request (RFC 9112 section 9.3).
    """

    method: str
    target: str
    version: tuple[int, int]
    fields: tuple[tuple[bytes, bytes], ...]
    keep_alive: bool
    content: StreamReader
    connection: DownstreamConnection
