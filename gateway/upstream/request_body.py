"""The caller's body on its way to the upstream."""

from __future__ import annotations

from aiohttp import ClientError, web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.headers import Headers
from gateway.telemetry.record import RequestRecord

_LAST_CHUNK = b"0\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """One request's body: its framing towards the upstream, and the bytes as they come.

    `most` bounds it in bytes, 0 for no bound; a Content-Length beyond it raises ExchangeError at once. `begun` tells
    whether bytes may have reached an upstream, so that the request cannot be sent a second time; `complete` whether
    all of them were sent.
    """

    __slots__ = ("_content", "_expects", "_most", "_record", "begun", "chunked", "complete", "framing")

    def __init__(
        self, content: StreamReader, version: tuple[int, int], headers: Headers, most: int, record: RequestRecord
    ) -> None:
        self._content = content
        self._record = record
        self._most = most
        self.chunked = b"transfer-encoding" in headers.by_name
        self.framing = b"Transfer-Encoding: chunked\r\n\r\n" if self.chunked else b"\r\n"
        self.complete = content is EMPTY_PAYLOAD
        self.begun = False
        self._expects = not self.complete and b"expect" in headers and version >= (1, 1)
        if most and not self.complete:
            declared = headers.all(b"content-length")
            if declared and int(declared[0]) > most:
                raise ExchangeError(Fault.BODY_TOO_LARGE)

    @property
    def received(self) -> bool:
        """Tell whether all of it has come from the caller."""
        return self._content.is_eof()

    def whole(self) -> bytes:
        """Return all of it, framed, when it has already come."""
        data = self._content.read_nowait()
        framed = self._frame(data) if data else b""
        self.begun = True
        return framed + self.end()

    def invitation(self) -> bytes:
        """Return the answer to `Expect: 100-continue`, once, for a caller that waits for it."""
        expects, self._expects = self._expects, False
        return _CONTINUE if expects and not self._content.total_bytes else b""

    async def read(self) -> bytes:
        """Return the next piece, framed for the upstream; empty at the end, `end` then follows.

        Raises ExchangeError when the caller's body is too large, broken or stalled, or the caller has gone.
        """
        try:
            data = await self._content.readany()
        except web.RequestPayloadError as error:
            raise ExchangeError(Fault.BODY_BROKEN, type(error.__cause__).__name__) from None
        except (ConnectionError, ClientError):
            raise ExchangeError(Fault.CLIENT_GONE) from None
        self.begun = True
        return self._frame(data) if data else b""

    def end(self) -> bytes:
        """Return what ends the body towards the upstream."""
        self.complete = True
        return _LAST_CHUNK if self.chunked else b""

    def _frame(self, data: bytes) -> bytes:
        self._record.bytes_in += len(data)
        if self._most and self._record.bytes_in > self._most:
            raise ExchangeError(Fault.BODY_TOO_LARGE)
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data


NO_BODY = RequestBody(EMPTY_PAYLOAD, (1, 1), Headers(()), 0, RequestRecord("", 0.0))
"""The body of every request without one: nothing is ever read from it or noted of it."""
