"""A transport between two parts of one process: what a protocol writes goes to whoever made the transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from typing_extensions import override

from gateway.http1.downstream import DownstreamBody


class MemoryTransport(asyncio.Transport):
    """Carries the answer to one request; `written` gets its bytes, `closed` is called at its end.

    Reading is that of the request's `body`, so that a handler which does not read holds its caller.
    """

    def __init__(
        self,
        extra: Mapping[str, Any],
        written: Callable[[bytes], None],
        closed: Callable[[], None],
        body: DownstreamBody | None,
    ) -> None:
        super().__init__(extra)
        self._written = written
        self._closed = closed
        self._body = body
        self._closing = False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._written(bytes(data))

    @override
    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    @override
    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._closed()

    @override
    def abort(self) -> None:
        self.close()

    @override
    def is_closing(self) -> bool:
        return self._closing

    @override
    def pause_reading(self) -> None:
        if self._body is not None:
            self._body.hold()

    @override
    def resume_reading(self) -> None:
        if self._body is not None:
            self._body.resume()
