"""Carries requests that our own front has read into an aiohttp.web application, and its answers back.

So the application has no socket: connections, sizes and times are bounded where those of the public port are, and what
two servers could read in two ways never comes as far. Only public names of aiohttp are needed: a server is a factory of
protocols, and a protocol takes any transport.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web

from gateway.admin.admin_call import EXTRA, AdminCall
from gateway.admin.memory_transport import MemoryTransport
from gateway.endpoints.refusals import refusal_response
from gateway.http1.downstream import DownstreamBody, DownstreamRequest
from gateway.http1.faults import ExchangeError
from gateway.http1.field_names import HOP_BY_HOP
from gateway.http1.response_head import ResponseHead
from gateway.http1.response_reader import ResponseReader
from gateway.model.decision import HeaderPairs, Response
from gateway.model.method import STANDARD
from gateway.model.refusal import Refusal, RefusalCode

SERVER = "gateway"
"""The Server field of the application's own answers. Those of aiohttp itself, to what it cannot read, name aiohttp."""

_CALL_SECONDS = 60.0
"""Within which a call is answered; each step of one has a shorter limit of its own."""

_HEAD_BYTES = 64 * 1024
_BACKLOG_BYTES = 64 * 1024
_NO_HOST = b"Host: localhost"  # of HTTP/1.0, whose callers are programs and no pages; aiohttp refuses to go without
_NOT_CARRIED = HOP_BY_HOP | {b"content-length", b"expect"}
_OF_THE_FRONT = frozenset({b"server", b"date"})

_silent = logging.getLogger(f"{__name__}.aiohttp")
_silent.setLevel(logging.CRITICAL + 1)  # strangers' bytes would fill the log with tracebacks

_METHODS = frozenset({*STANDARD, "CONNECT", "TRACE"})


class ApplicationBridge:
    """Answers by the web application that is in `use`; without one it is not there yet, or no more.

    `way_in` is the port's name in the audit log.
    """

    def __init__(self, new_id: Callable[[], str], way_in: str = "admin_port") -> None:
        self._way_in = way_in
        self._runner: web.AppRunner | None = None
        self._new_id = new_id

    async def use(self, application: web.Application) -> web.AppRunner | None:
        """Answer by this application from now on; return the one before, whose `cleanup` waits for its last answer."""
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_silent,
            handle_signals=False,
            lingering_time=0.0,
            read_bufsize=_BACKLOG_BYTES,
            shutdown_timeout=_CALL_SECONDS,
        )
        await runner.setup()
        before, self._runner = self._runner, runner
        return before

    async def close(self) -> None:
        """Stop the application; it answers nothing any more."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def answer(self, request: DownstreamRequest, client: str = "") -> Response:
        """Answer one request of a client, by default of the peer; raises nothing."""
        call = AdminCall(self._new_id(), request, self._way_in, client or request.connection.peer)
        server = self._runner.server if self._runner is not None else None
        if server is None:
            return refusal_response(Refusal(RefusalCode.UNAVAILABLE), call.request_id)
        if request.head.method not in _METHODS:  # which aiohttp would call malformed
            return refusal_response(Refusal(RefusalCode.NOT_IMPLEMENTED), call.request_id)
        head = _head(request)
        if head is None:
            return refusal_response(Refusal(RefusalCode.NOT_FOUND), call.request_id)
        exchange = _ApplicationExchange(server(), request.body, call)
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await exchange.carry(head)
        except TimeoutError:
            return refusal_response(
                Refusal(RefusalCode.UNAVAILABLE, "no answer in time", retry_after=1), call.request_id
            )
        finally:
            exchange.close()


class _ApplicationExchange:
    """One request in the application: the consumer of its body, and the sink of the answer."""

    def __init__(self, protocol: asyncio.Protocol, body: DownstreamBody | None, call: AdminCall) -> None:
        self._protocol = protocol
        self._request_body = body
        self._call = call
        self._reader = ResponseReader(self, _HEAD_BYTES, head_request=False, upgrading=False)
        self._answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._head: ResponseHead | None = None
        self._body = bytearray()
        extra = {EXTRA: call, "peername": (call.client, 0)}
        self._transport = MemoryTransport(extra, self._written, self._closed, body)

    async def carry(self, head: bytes) -> Response:
        """Hand in the request, and its body as it comes; return the answer."""
        self._protocol.connection_made(self._transport)
        self._protocol.data_received(head)
        if self._request_body is not None:
            self._request_body.start(_Consumer(self._protocol, self.fail, chunked=self._request_body.chunked))
        return await self._answer

    def close(self) -> None:
        """Let go of the protocol; a handler that still runs ends by itself, so that no change is left half made."""
        if self._request_body is not None:
            self._request_body.stop()
        self._protocol.connection_lost(None)
        self._reader.close()

    # What the transport calls

    def _written(self, data: bytes) -> None:
        if not self._answer.done():
            try:
                self._reader.feed(data)
            except ExchangeError as error:
                self.fail(error)

    def _closed(self) -> None:
        if not self._answer.done():
            self._answer.set_result(refusal_response(Refusal(RefusalCode.INTERNAL), self._call.request_id))

    # What the reader calls

    def head(self, head: ResponseHead) -> None:
        """Take the answer's head."""
        self._head = head

    def body(self, data: bytes) -> None:
        """Take a piece of its body."""
        self._body += data

    def end(self) -> None:
        """Hand on the whole answer: one that the application gave, and not aiohttp itself."""
        if self._answer.done() or self._head is None:
            return
        fields = _fields(self._head)
        if (b"Server", SERVER.encode("ascii")) not in fields:
            self._answer.set_result(refusal_response(Refusal(RefusalCode.MALFORMED), self._call.request_id))
            return
        own = tuple(field for field in fields if field[0].lower() not in _OF_THE_FRONT)
        self._answer.set_result(Response(self._head.status, own, bytes(self._body)))

    def fail(self, error: ExchangeError) -> None:
        """Refuse: the rest of the request never comes, or the answer cannot be read."""
        if not self._answer.done():
            self._answer.set_result(refusal_response(error.refusal, self._call.request_id))

    def whole(self, head: ResponseHead, body: bytes) -> None:
        """Take all of an answer; the reader has it in pieces."""
        self.head(head)
        self.body(body)
        self.end()

    def flush(self) -> None:
        """Nothing is held back."""

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        """Never called: nothing asks for another protocol."""

    def expired(self) -> None:
        """Never called: the time limit is not the reader's."""


class _Consumer:
    """Hands a request's body to the protocol, framed as its head said."""

    def __init__(self, protocol: asyncio.Protocol, fail: Callable[[ExchangeError], None], *, chunked: bool) -> None:
        self._protocol = protocol
        self._fail = fail
        self._chunked = chunked

    def body(self, data: bytes) -> None:
        """Take a piece."""
        self._protocol.data_received(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def body_end(self) -> None:
        """Take it that all of it has come."""
        if self._chunked:
            self._protocol.data_received(b"0\r\n\r\n")

    def body_failed(self, error: ExchangeError) -> None:
        """Take it that the rest never comes."""
        self._fail(error)


def _head(request: DownstreamRequest) -> bytes | None:
    """Return the head as the application gets it; None for a target that is in no form of a path here.

    HEAD is asked as GET, and the front leaves the body out: so the lengths of the two are the same.
    """
    head = request.head
    target = head.target
    if not target.isascii() or not target.startswith("/") or target.startswith("//") or "#" in target:
        return None
    method = "GET" if head.method == "HEAD" else head.method
    lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
    if b"host" not in head.block.headers:
        lines.append(_NO_HOST)
    lines += [b"%b: %b" % field for field in head.block.headers.raw if field[0].lower() not in _NOT_CARRIED]
    if head.block.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif request.body is not None:
        lines.append(b"Content-Length: %d" % head.block.length)
    return b"\r\n".join((*lines, b"Connection: close", b"", b""))


def _fields(head: ResponseHead) -> HeaderPairs:
    pairs = (line.partition(b": ") for line in head.lines)
    return tuple((name, value) for name, _, value in pairs)
