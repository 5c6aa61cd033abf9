"""Frames of HTTP/2 by hand, to a server that is to read them with care."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from hpack import Decoder, Encoder
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE = 10.0
_FRAME_HEAD = 9

Pairs = Sequence[tuple[str, str]]


class RawHttp2:
    """One connection. What it sends, it sends as it stands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._encoder, self._decoder = Encoder(), Decoder()

    async def send(self, *pieces: Frame | bytes) -> None:
        """Send frames; a server that has closed the connection is no failure."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(b"".join(each if isinstance(each, bytes) else each.serialize() for each in pieces))
            await self.writer.drain()

    def headers(self, stream: int, fields: Pairs, *, end: bool = False) -> Frame:
        """Return a whole block of headers."""
        flags = ["END_HEADERS", *(["END_STREAM"] if end else [])]
        return HeadersFrame(stream, self._encoder.encode(fields), flags=flags)

    async def frame(self) -> Frame | None:
        """Return the next frame, None where the connection has ended."""
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self.reader.readexactly(_FRAME_HEAD)
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(await self.reader.readexactly(length)))
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        return frame

    async def until_closed(self) -> int | None:
        """Read to the end of the connection; return the error code of the last GOAWAY, None without one."""
        code = None
        while (frame := await self.frame()) is not None:
            if isinstance(frame, GoAwayFrame):
                code = frame.error_code
        return code

    async def answer(self, stream: int) -> tuple[dict[str, str], bytes]:
        """Return the headers, trailers included, and the body that come on a stream."""
        fields: dict[str, str] = {}
        body = b""
        while (frame := await self.frame()) is not None:
            if isinstance(frame, HeadersFrame):
                found = dict(self._decoder.decode(frame.data))
                fields |= found if frame.stream_id == stream else {}
            if isinstance(frame, DataFrame) and frame.stream_id == stream:
                body += frame.data
            if frame.stream_id == stream and ("END_STREAM" in frame.flags or isinstance(frame, RstStreamFrame)):
                break
        return fields, body


@contextlib.asynccontextmanager
async def raw_http2(port: int, *, begins: bool = True) -> AsyncIterator[RawHttp2]:
    """Connect, and begin HTTP/2 where it is asked for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = RawHttp2(reader, writer)
    try:
        if begins:
            await client.send(PREFACE, SettingsFrame(0))
        yield client
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
