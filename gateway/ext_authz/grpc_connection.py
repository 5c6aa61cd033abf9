"""One connection of gRPC: h2 reads and writes its frames, and what a peer may have us keep is bounded here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, cast

import structlog
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset, WindowUpdated
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from gateway.ext_authz.call_writer import CallWriter
from gateway.ext_authz.grpc_call import GrpcCall
from gateway.ext_authz.grpc_caller import GrpcCaller
from gateway.ext_authz.grpc_connection_owner import GrpcConnectionOwner
from gateway.ext_authz.grpc_message import GrpcError, read_message
from gateway.ext_authz.open_calls import OpenCalls
from gateway.ext_authz.statuses import DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED
from gateway.model.client_address import peer_name

_log = structlog.get_logger(__name__)

_HEADER_BYTES = 16384
"""Of a call's own metadata; Envoy sends some 500 bytes of it."""

_RESETS = 1000
"""Calls that a peer may take back beyond those that were answered: each costs us a decision (CVE-2023-44487)."""

_OF_A_STRANGER = 65536
"""Bytes that are read of whoever may not ask: one question, and no flood."""

_CONFIGURATION = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_outbound_headers=False,  # ours are few and fixed
    normalize_outbound_headers=False,
)
_LAST_STREAM = 2**31 - 1


class TakenBackError(ProtocolError):
    """A peer begins calls and takes them back, again and again."""


class GrpcConnection(asyncio.Protocol):
    """Answers the calls of one peer, each on its stream, within the limits of `server`."""

    def __init__(self, server: GrpcConnectionOwner) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._h2 = H2Connection(_CONFIGURATION)
        self._calls = OpenCalls(lambda: server.rested(self))
        self._writer = CallWriter(self._h2, self._calls.forget)
        self._strange_bytes = self._taken_back = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self.caller = GrpcCaller("", server.blocks)

    @property
    def busy(self) -> bool:
        """Tell whether a call is under way."""
        return bool(self._calls)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, where there is room for one more."""
        self._transport = cast("asyncio.Transport", transport)
        self.caller = GrpcCaller(peer_name(transport.get_extra_info("peername")), self._server.blocks)
        if not self._server.opened(self):
            self._transport.abort()
            return
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: self._server.limits.streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: _HEADER_BYTES,
            },
        )
        self._h2.decoder.max_header_list_size = _HEADER_BYTES
        self._h2.initiate_connection()
        self._flush()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and answer what is complete."""
        if not self._server.is_peer(self.caller.peer):
            self._strange_bytes += len(data)
            if self._strange_bytes > _OF_A_STRANGER:
                self.abort()
                return
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except ProtocolError as error:
            _log.warning("grpc_connection_refused", peer=self.caller.peer, fault=type(error).__name__)
            self._end()  # h2 has said why
            return
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """Let go of every call."""
        self._transport = None
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._calls.cancel()
        self._server.closed(self)

    def pause_writing(self) -> None:
        """Read no more until the peer takes what it made us write: acknowledgements of a flood would pile up."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def go_away(self) -> None:
        """Ask the peer to begin further calls elsewhere; those that are on their way are answered (RFC 9113, 6.8)."""
        if self._transport is not None:
            self._transport.write(GoAwayFrame(0, last_stream_id=_LAST_STREAM).serialize())

    def close(self) -> None:
        """End the connection, whatever is under way."""
        with contextlib.suppress(ProtocolError):  # it has been said already
            self._h2.close_connection()
        self._end()

    def abort(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, event: Event) -> None:
        if isinstance(event, DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self._take_data(event)
        elif isinstance(event, RequestReceived):
            self._calls.begin(event.stream_id, event.headers)
        elif isinstance(event, StreamEnded):
            self._begin(event.stream_id)
        elif isinstance(event, StreamReset):
            self._take_back(event.stream_id)
        elif isinstance(event, WindowUpdated):
            for call in [call for call in self._calls.all() if call.unsent]:
                self._writer.send(call)

    def _take_data(self, event: DataReceived) -> None:
        call = self._calls.unfinished(event.stream_id)
        if call is not None and not self._calls.add(call, event.data, self._server.limits.message_bytes):
            self._writer.fail(call, GrpcError(RESOURCE_EXHAUSTED, "the message is longer than ext_authz.message_bytes"))

    def _take_back(self, stream_id: int) -> None:
        call = self._calls.get(stream_id)
        if call is None:
            return
        call.cancel()
        self._calls.forget(call)
        self._taken_back += 1
        if self._taken_back > _RESETS + self._writer.answered:
            self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise TakenBackError

    def _begin(self, stream_id: int) -> None:
        """Answer a call whose last byte has come."""
        call = self._calls.unfinished(stream_id)
        if call is None:
            return
        self._calls.complete(call)
        if call.http_fault:
            self._writer.end(call, [(b":status", call.http_fault)])
            return
        try:
            answer = self._server.services.answer(call.method, read_message(bytes(call.body)), self.caller)
        except GrpcError as error:
            self._writer.fail(call, error)
        except Exception:  # noqa: BLE001 - logged, and told as a fault of ours
            _log.exception("grpc_call_failed", peer=self.caller.peer)
            self._writer.fail(call, _FAULT)
        else:
            if isinstance(answer, bytes):
                self._writer.tell(call, answer)
            else:
                call.task = self._server.tasks.start(self._tell_later(call, answer), "a question over gRPC")

    async def _tell_later(self, call: GrpcCall, answer: Coroutine[Any, Any, bytes]) -> None:
        try:
            worded = await answer
        except Exception:  # noqa: BLE001 - logged, and told as a fault of ours
            _log.exception("grpc_call_failed", peer=self.caller.peer)
            self._writer.fail(call, _FAULT)
        else:
            self._writer.tell(call, worded)
        self._flush()

    def _watch(self) -> None:
        loop, seconds = asyncio.get_running_loop(), self._server.limits.call_timeout
        self._sweeping = loop.call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        """End the calls that were there at the sweep before, and connections of strangers."""
        if self._transport is None or self._transport.is_closing():
            self.abort()  # it does not take our last bytes
            return
        if not self._server.is_peer(self.caller.peer):
            self.close()
            self._watch()
            return
        for call in self._calls.all():
            if call.swept:
                call.cancel()
                self._writer.fail(call, _LATE)
            call.swept = True
        self._flush()
        self._watch()

    def _end(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)


_FAULT = GrpcError(INTERNAL, "an unexpected fault occurred")
_LATE = GrpcError(DEADLINE_EXCEEDED, "the call did not end within ext_authz.call_timeout")
