"""A client that tries to have its connection changed to HTTP/2, and then asks for a path that nobody judged."""

from __future__ import annotations

import asyncio
import contextlib

import h2.connection
import h2.events

_PATIENCE = 5.0


async def smuggled(port: int, target: str, secret: str) -> tuple[int, bytes]:
    """Offer h2c beside a request for `target`, then ask for `secret` on stream 3.

    Return the status of the first answer, and the body of the second; empty where the offer was not taken.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    http2 = h2.connection.H2Connection()
    settings = (http2.initiate_upgrade_connection() or b"").decode("ascii")
    head = (
        f"GET {target} HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        f"HTTP2-Settings: {settings}\r\n\r\n"
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            writer.write(head.encode("ascii"))
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ")[1])
            return status, await _ask(http2, reader, writer, secret) if status == 101 else b""
    finally:
        writer.close()


async def _ask(
    http2: h2.connection.H2Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
) -> bytes:
    fields = [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "app.test")]
    http2.send_headers(3, fields, end_stream=True)
    body = b""
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(http2.data_to_send())
            data = await reader.read(65536)
            if not data:
                return body
            for event in http2.receive_data(data):
                if isinstance(event, h2.events.DataReceived) and event.stream_id == 3:
                    body += event.data or b""
                if isinstance(event, h2.events.StreamEnded) and event.stream_id == 3:
                    return body
    return body
