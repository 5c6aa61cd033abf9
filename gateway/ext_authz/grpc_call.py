"""One call of gRPC, from its first header on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

_GRPC = (b"application/grpc", b"application/grpc+proto")


class GrpcCall:
    """What is known of a call. `complete` tells that its last byte has come, `swept` that it is older than a sweep.

    `http_fault` is the HTTP status of what is no gRPC at all (gRPC over HTTP/2, "Requests"); `unsent` is what the
    peer's window has not taken yet.
    """

    __slots__ = ("body", "complete", "counted_out", "http_fault", "method", "stream_id", "swept", "task", "unsent")

    def __init__(self, stream_id: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        fields = dict(headers)
        content_type = fields.get(b"content-type", b"").partition(b";")[0].strip()
        self.stream_id = stream_id
        self.method = fields.get(b":path", b"")
        self.http_fault = b""
        if fields.get(b":method") != b"POST":
            self.http_fault = b"405"
        elif content_type not in _GRPC:
            self.http_fault = b"415"
        self.body = bytearray()
        self.complete = self.counted_out = self.swept = False
        self.unsent = b""
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Give up what is being done for it.

        Not at once: a task that never began would write nothing down, and its generation would wait for it for ever.
        """
        if self.task is not None:
            asyncio.get_running_loop().call_soon(self.task.cancel)
