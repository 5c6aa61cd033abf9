"""A bare protocol on llhttp with one static answer: what no answer of ours can cost less than."""

from __future__ import annotations

import asyncio
import sys

import httptools
import uvloop

_BODY = b'{"session_id":"%b"}' % (b"0" * 900)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n"
    % len(_BODY)
    + _BODY
)


class Static(asyncio.Protocol):
    """Answers each request that llhttp has read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined]
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Drop a field; that it is handed on is a part of what reading costs."""

    def on_message_complete(self) -> None:
        self._write(_ANSWER)


async def main(port: int) -> None:
    await asyncio.get_running_loop().create_server(Static, "127.0.0.1", port, backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
