"""Which requests may follow a chunked one on the same connection.

aiohttp's C parser (3.14.5) keeps a message's last trailer field and makes it the *first header field of the next
request* on that connection. Behind a proxy that sends many callers' requests over one connection, one caller
would choose a header of the next one: a credential, or a `Content-Length` for a body that never comes, which swallows
a third caller's request upstream. Trailers cannot be seen after parsing, so it has to be seen in the bytes that there
were none; where it is not, the connection ends with the chunked request.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from gateway.front.unreadable import QueuedMessage

_BARE_END = b"\r\n0\r\n\r\n"
"""How a chunked body ends that has neither trailers nor anything behind it; the first CRLF is the head's or a chunk's.
No other end of a well-formed request looks like it: a line `0` without a colon is no trailer and no header field."""


class TrailerGuard:
    """Watches one connection's bytes. `ended` tells that no request may follow those that were let through."""

    __slots__ = ("_body", "_last_bytes", "ended")

    def __init__(self) -> None:
        self._body: StreamReader | None = None
        self._last_bytes = b""
        self.ended = False

    def pass_by(self, data: bytes) -> bool:
        """Note bytes that ended in one request without a body, or say that they have to be looked at with `admit`."""
        if self._body is not None or len(data) < len(_BARE_END):
            return False
        self._last_bytes = data[-len(_BARE_END) :]
        return True

    def admit(self, data: bytes, began: Sequence[QueuedMessage], *, parsed_all: bool) -> int:
        """Return how many of the messages that `began` with these bytes may be served, from the first.

        `data` is empty when the parser goes on with bytes that it held back. `parsed_all` tells that it holds back none
        behind a message, so that the bytes end where the parser stands.
        """
        self._last_bytes = (self._last_bytes + data[-len(_BARE_END) :])[-len(_BARE_END) :]
        if self._body is not None:
            if not self._body.is_eof():
                return len(began)
            self._body = None
            if began or not self._is_bare(parsed_all=parsed_all):
                self.ended = True
                return 0
        for place, (message, body) in enumerate(began, 1):
            if isinstance(message, RawRequestMessage) and message.chunked:
                return self._chunked(body, place, len(began), parsed_all=parsed_all)
        return len(began)

    def _chunked(self, body: StreamReader, place: int, count: int, *, parsed_all: bool) -> int:
        if not body.is_eof():
            self._body = body
        elif place < count or not self._is_bare(parsed_all=parsed_all):
            self.ended = True
        return place

    def _is_bare(self, *, parsed_all: bool) -> bool:
        return parsed_all and self._last_bytes == _BARE_END
