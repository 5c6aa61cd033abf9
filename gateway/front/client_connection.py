"""One caller's connection: aiohttp's parser and framing, under our own limits, times and words.

aiohttp's protocol answers a malformed head with the caller's own bytes and logs a traceback for each, knows one time
limit for everything, and starts a task per request. So its parser and its flow control are used as they are, and the
loop that serves one request after another is ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, cast

import structlog
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler

from gateway.front.arrival import Arrival, FrontLimits
from gateway.front.lingering import Deaf, drop_rest
from gateway.front.response_writer import ResponseWriter
from gateway.front.send_timeout import Unsent
from gateway.front.unreadable import HEAD_TOO_LONG, Refused, refusal_of
from gateway.model.decision import Response
from gateway.model.refusal import Refusal, RefusalCode
from gateway.resilience.deadline import Deadline
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.downstream import FlowWatcher, RawPeer
from gateway.upstream.forwarded import EndpointAnswer, Forwarded

_log = structlog.get_logger(__name__)

_MOST_READ = 64 * 1024
_WRITE_HIGH = 256 * 1024
"""Bytes that wait for a slow caller before the upstream is held."""


class ConnectionOwner(Protocol):
    """The server, as one of its connections needs it; see `gateway.front.server`."""

    limits: FrontLimits
    writer: ResponseWriter
    draining: bool
    leaving: bool

    @property
    def is_full(self) -> bool:
        """Tell whether there are more connections than there may be."""

    def answer(self, request: DownstreamRequest, /) -> Awaitable[EndpointAnswer]:
        """Answer one request."""

    def refuse(self, refusal: Refusal, /) -> Response:
        """Word what never became a request."""


class FrontConnection(RequestHandler):
    """Implements `gateway.upstream.downstream.DownstreamConnection` besides aiohttp's own protocol."""

    __slots__ = ("_arrival", "_body", "_deadline", "_raw_peer", "_server", "_unsent", "_watcher", "peer", "scheme")

    def __init__(self, server: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        limits = server.limits
        super().__init__(
            cast("web.Server", server),
            loop=loop,
            keepalive_timeout=0,  # one deadline of our own stands for idle, head and body
            access_log=None,  # type: ignore[arg-type]  # what switches it off
            max_line_size=limits.target_bytes,
            max_field_size=max(limits.head_bytes, limits.target_bytes + 1),  # unequal, so that errors tell them apart
            max_headers=limits.headers,
            read_bufsize=_MOST_READ,
            auto_decompress=False,  # a body is carried, not understood; and no decompression bombs
        )
        # The parser counts a request once too often whose body ends while it is served, and then holds bytes back one
        # request before the queue is full: nobody would let it go on, nor see the trailers among those bytes.
        self._max_msg_queue_size -= 1
        self._server = server
        self._deadline = Deadline(loop, self._expired)
        self._watcher: FlowWatcher | None = None
        self._raw_peer: RawPeer | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self._arrival = Arrival(loop, limits, self._deadline)
        self._unsent = Unsent(loop, limits.body_stall)
        self.peer = ""
        self.scheme = "http"

    # What the forwarding room asks for

    @property
    def draining(self) -> bool:
        """Tell whether this is the last answer here: the process is about to end, or nothing else may be read."""
        return self._server.draining or self._is_spent

    def watch(self, watcher: FlowWatcher | None) -> None:
        """Tell `watcher` from now on when writing has to pause and may go on."""
        self._watcher = watcher

    def take_over(self, peer: RawPeer) -> bytes:
        """Give every byte that comes from now on to `peer`; return those that came behind the request's head."""
        self._raw_peer = peer
        early, self._message_tail = self._message_tail, b""
        if self._buffer_paused:
            self._resume_reading_for_buffer()
        return early

    # What the server asks for

    def close_if_idle(self) -> None:
        """Close, unless a request is being read or served."""
        waiter = self._waiter
        if waiter is not None and not waiter.done() and not self._arrival.fed:
            waiter.cancel()  # and `start` ends; the parent's `force_close` would let go of a transport that is not done

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, unless there are too many connections."""
        super().connection_made(transport)
        cast("asyncio.Transport", transport).set_write_buffer_limits(_WRITE_HIGH)
        address = transport.get_extra_info("peername")
        self.peer = str(address[0]) if isinstance(address, tuple) else "unix"
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"
        self._deadline.set(self._loop.time() + self._server.limits.head_timeout)
        if self._server.is_full:
            self._refuse(Refusal(RefusalCode.UNAVAILABLE, "limits.connections", None, 1))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell whoever works for this caller that it has gone: the handler is cancelled, and so is its exchange.

        A caller that ends only its own side (`nc -N`) has gone too: until something is written to it, that looks as if
        it had closed its connection (RFC 9112 section 9.6), and the upstream is to be told at once. So does nginx with
        `proxy_pass` (its 499).
        """
        self._deadline.close()
        self._unsent.close()
        peer, self._raw_peer = self._raw_peer, None
        if peer is not None:
            self._task_handler = None  # a tunnel ends by itself, in order
            peer.ended()
        # However it was lost: a broken TLS record is no fault of whoever reads the body, and logged as none.
        self._body.set_exception(ConnectionResetError("the caller has gone"))
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and see to it that they come in time and in bounds."""
        if self._raw_peer is not None:
            self._raw_peer.received(data)
            return
        if self._arrival.trailers.ended:
            return
        known = self._request_count
        super().data_received(data)
        began = self._request_count - known
        in_bounds = self._arrival.took(
            data, self._messages, began, parsed_all=not self._buffer_paused, held=self._reading_paused
        )
        if not in_bounds:
            self._refuse(HEAD_TOO_LONG)

    def pause_writing(self) -> None:
        """Hold the source of what is written."""
        super().pause_writing()
        if self._watcher is not None:
            self._watcher.client_paused()
        if self._raw_peer is not None:
            self._raw_peer.paused()

    def resume_writing(self) -> None:
        """Let the source go on."""
        super().resume_writing()
        if self._watcher is not None:
            self._watcher.client_resumed()
        if self._raw_peer is not None:
            self._raw_peer.resumed()

    # Limits

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal after what is being served, and read no further."""
        self._pause_reading_for_buffer()
        self._messages.append((Refused(refusal), EMPTY_PAYLOAD))  # type: ignore[arg-type]
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _expired(self) -> None:
        """Decide what took too long: a body, a head, or the next request."""
        if self._arrival.stalled(held=self._reading_paused):
            return
        if self._arrival.fed:
            self._refuse(Refusal(RefusalCode.TIMEOUT, "limits.head_timeout"))
        else:
            self.close_if_idle()

    # Serving

    async def start(self) -> None:
        """Serve one request after another until the connection ends."""
        try:
            while not self._force_close:
                if not self._messages:
                    await self._next_message()
                if not await self._serve(*self._messages.popleft()):
                    break
        except ConnectionError:
            pass  # the caller left while it was answered
        except Exception:  # noqa: BLE001 - the last frame of this task: nobody else would log it
            _log.exception("connection_failed")
        finally:
            self._task_handler = None
            self._deadline.close()
            if self.transport is not None:
                self._unsent.watch(self.transport)
                self.transport.close()

    async def _next_message(self) -> None:
        if not self._arrival.fed and self._request_count:
            self._deadline.set(self._loop.time() + self._server.limits.idle)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _serve(self, message: object, payload: StreamReader) -> bool:
        """Serve one request; tell whether another may follow."""
        if not isinstance(message, RawRequestMessage):
            await self._answer_unreadable(message)
            return False
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        self._body = payload
        keep_alive = not message.should_close
        answer = await self._server.answer(
            DownstreamRequest(
                message.method, message.path, message.version, message.raw_headers, keep_alive, payload, self
            )
        )
        if isinstance(answer, Forwarded):
            stays = answer.keep_alive
        else:
            stays = self._server.writer.send(self.transport, answer, message, closes=self.draining)
        if self._paused and self.transport is not None:
            # Else a caller that sends requests and reads no answers would have us keep them all.
            await self._unsent.taken(self.transport, self._drain_helper())
        if not payload.is_eof() and not await drop_rest(payload):
            await self._linger()
            return False
        # Draining alone does not close it: the head of this answer may have gone out before, promising to stay, and
        # the next request, which is on its way already, is told.
        return stays and not message.upgrade and not self._server.leaving and not self._is_spent

    @property
    def _is_spent(self) -> bool:
        """Tell whether nothing may follow: a request with trailers has been read."""
        return self._arrival.trailers.ended and not self._messages

    async def _answer_unreadable(self, message: object) -> None:
        """Answer what could not be read: our own JSON, no traceback, none of the caller's bytes."""
        response = self._server.refuse(refusal_of(message, self.max_line_size))
        self._server.writer.send(self.transport, response, None, closes=True)
        await self._linger()

    async def _linger(self) -> None:
        """Hear no more, and let the caller read its answer before the connection goes."""
        deaf = self._raw_peer = Deaf(self._loop)
        await deaf.linger(self.transport)
