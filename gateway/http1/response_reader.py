"""One response out of bytes: what an upstream's connection hands in, a sink gets as head, body and end.

llhttp reads heads; each is handed to it up to its empty line and no further. A chunked body has a reader of its own;
inside of one of known length, or one that ends with the connection, there is nothing to parse, and the bytes go through
as they came.
"""

from __future__ import annotations

import httptools

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_chunks import ResponseChunks
from gateway.http1.response_head import RawFields, ResponseHead, ResponseSink, read_head

_INTERIM, _SWITCHING, _FINAL = 100, 101, 200
_EMPTY_LINE = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class ResponseReader:
    """Reads the response to one request; `head_bytes` bounds its head, interim ones included, and chunked framing.

    To make a parser costs as much as to parse a small response with it, so a reader whose parser saw the response's
    very end can `restart` for the next one on its connection (`between` tells).

    `complete` tells that the sink got all of it, and `keep_alive` then, whether the connection can carry another
    exchange. After a 101 that was asked for (`upgrading`), `switched` is its head and `rest` what came behind it.
    """

    __slots__ = (
        "_chunks",
        "_fields",
        "_head_bytes",
        "_head_request",
        "_heads_left",
        "_left",
        "_parser",
        "_reason",
        "_sink",
        "_tail",
        "_upgrading",
        "between",
        "complete",
        "head",
        "keep_alive",
        "rest",
        "switched",
    )

    def __init__(self, sink: ResponseSink, head_bytes: int, *, head_request: bool, upgrading: bool) -> None:
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._head_bytes = head_bytes
        self.restart(sink, head_request=head_request, upgrading=upgrading)

    def restart(self, sink: ResponseSink, *, head_request: bool, upgrading: bool) -> None:
        """Begin another response; only for a reader that stands `between` two."""
        self._sink = sink
        self._fields: RawFields = []
        self._reason = b""
        self._heads_left = self._head_bytes
        self._tail = b""
        self._chunks: ResponseChunks | None = None
        self._head_request = head_request
        self._upgrading = upgrading
        self._left: int | None = 0
        self.head: ResponseHead | None = None
        self.between = False
        self.complete = False
        self.keep_alive = False
        self.switched: ResponseHead | None = None
        self.rest = b""

    def feed(self, data: bytes) -> None:
        """Take bytes; raises ExchangeError (bad response) for those that cannot be understood."""
        if self.head is None and self._parser is not None:
            data = self._read_heads(self._parser, data)
        if self.complete:
            if data:
                self.keep_alive = False  # more than was asked for
        elif self._chunks is not None:
            self._read_chunks(self._chunks, data)
        elif data and self.head is not None:
            self._pass_on(data)

    def feed_eof(self) -> None:
        """Take it that the upstream sends no more: the end of a body that has no other."""
        if self.head is not None and self._left is None and not self.head.chunked and not self.complete:
            self._end()

    def close(self) -> None:
        """Let go of the parser, which holds this reader in turn: no garbage is left for the collector to find."""
        self._parser = None

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin a head: the first one, or the one after an interim response."""
        self._fields = []
        self._reason = b""
        self.between = False

    def on_status(self, reason: bytes) -> None:
        """Take a piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; those after the body (trailers) are dropped."""
        if self.head is None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Read the head, unless it is an interim one: those are dropped (1xx; 103 too). Raises ExchangeError."""
        parser = self._parser
        if parser is None or self.head is not None:
            return
        status = parser.get_status_code()
        if _INTERIM <= status < _FINAL:
            return
        if parser.get_http_version() not in {"1.1", "1.0"}:
            raise ExchangeError(Fault.BAD_RESPONSE, "the version is not HTTP/1.0 or HTTP/1.1")
        head = read_head(status, self._reason, self._fields, head_request=self._head_request)
        self.head = head
        self._left = head.length
        framed = head.length is not None or head.chunked
        self.keep_alive = parser.should_keep_alive() and framed and not head.is_contradictory
        self._sink.head(head)
        if head.chunked:
            self._chunks = ResponseChunks(self._head_bytes)
        elif head.length == 0:
            self._end()

    def on_body(self, data: bytes) -> None:
        """Refuse a body in front of the final head: the parser is given nothing that stands behind that.

        Raises ExchangeError.
        """
        if data and self.head is None:
            raise ExchangeError(Fault.BAD_RESPONSE, "an interim response with a body")  # RFC 9112 section 6.3: has none

    def on_message_complete(self) -> None:
        """Take note that the parser stands between two responses."""
        self.between = self.complete

    # What leads to them

    def _read_heads(self, parser: httptools.HttpResponseParser, data: bytes) -> bytes:
        """Hand heads to the parser up to the end of the final one; return what stands behind that."""
        while data and self.head is None and self.switched is None:
            piece, data = self._cut(data)
            self._heads_left -= len(piece)
            if self._heads_left < 0:
                raise ExchangeError(Fault.BAD_RESPONSE, "the head is too long")
            try:
                parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                self._switch(piece[upgrade.args[0] :] + data)
            except httptools.HttpParserError as error:
                raise _as_exchange_error(error) from None
        if self.head is not None and not self.between and self._chunks is None:
            self.close()  # what comes now is counted, not parsed
        return data

    def _cut(self, data: bytes) -> tuple[bytes, bytes]:
        """Part what belongs to a head, up to and including its empty line, from what stands behind it."""
        known = self._tail + data if self._tail else data
        place = known.find(_EMPTY_LINE)
        if place < 0:
            self._tail = known[1 - len(_EMPTY_LINE) :]
            return data, b""
        end = place + len(_EMPTY_LINE) - len(self._tail)
        self._tail = b""
        return data[:end], data[end:]

    def _read_chunks(self, chunks: ResponseChunks, data: bytes) -> None:
        pieces, size = chunks.feed(data)
        for piece in pieces:
            self._sink.body(piece)
        if chunks.complete:
            self.keep_alive = self.keep_alive and size == len(data)
            self._end()
            if self._parser is not None:
                self._parser.feed_data(_LAST_CHUNK)  # for the parser that was the body

    def _switch(self, rest: bytes) -> None:
        if self.complete or not self._upgrading:
            raise ExchangeError(Fault.BAD_RESPONSE, "a change of protocols that nobody asked for")
        protocols = [value.strip(b" \t").lower() for name, value in self._fields if name.lower() == b"upgrade"]
        if protocols != [b"websocket"]:
            raise ExchangeError(Fault.BAD_RESPONSE, "a change to another protocol than was asked for")
        self.switched = read_head(_FINAL, self._reason, self._fields, head_request=True)
        self.switched.status = _SWITCHING
        self.rest = rest
        self.close()

    def _pass_on(self, data: bytes) -> None:
        left = self._left
        if left is None:
            self._sink.body(data)
            return
        if len(data) > left:
            data = data[:left]
            self.keep_alive = False
        self._left = left - len(data)
        self._sink.body(data)
        if not self._left:
            self._end()

    def _end(self) -> None:
        self.complete = True
        self._sink.end()


def _as_exchange_error(error: httptools.HttpParserError) -> ExchangeError:
    """Return what one of our callbacks raised, which the parser wraps, or say what the parser found."""
    cause = error.__context__
    return cause if isinstance(cause, ExchangeError) else ExchangeError(Fault.BAD_RESPONSE, str(error))
