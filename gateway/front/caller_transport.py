"""The caller's transport: what is written to it, when it is read, and who is told how it takes its bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import cast

from gateway.http1.downstream import FlowWatcher, RawPeer
from gateway.model.client_address import peer_name
from gateway.resilience.untaken import socket_of, untaken
from gateway.resilience.write_pieces import write_pieces

_WRITE_HIGH = 256 * 1024
"""Bytes that wait for a slow caller before the upstream is held."""

_LEFT = frozenset({7, 8, 9, 11})
"""States of a socket whose other end has sent its last byte: CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING (netinet/tcp.h)."""

_RESET = struct.pack("ii", 1, 0)
"""What SO_LINGER is told: drop what is unsent, and close by a reset."""


class CallerTransport(asyncio.Protocol):
    """The half of a caller's connection that knows bytes and not requests; without a transport, nothing happens."""

    __slots__ = ("_reading", "_transport", "_tunnel", "_watcher", "peer", "scheme", "writing_paused")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._watcher: FlowWatcher | None = None
        self._tunnel: RawPeer | None = None
        self._reading = True
        self.peer = ""
        self.scheme = "http"
        self.writing_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who calls, and how."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_WRITE_HIGH)
        self.peer = self.peer or peer_name(transport.get_extra_info("peername"))
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"

    def pause_writing(self) -> None:
        """Hold the source of what is written."""
        self.writing_paused = True
        if self._watcher is not None:
            self._watcher.client_paused()
        if self._tunnel is not None:
            self._tunnel.paused()

    def resume_writing(self) -> None:
        """Let the source go on."""
        self.writing_paused = False
        if self._watcher is not None:
            self._watcher.client_resumed()
        if self._tunnel is not None:
            self._tunnel.resumed()

    @property
    def unsent(self) -> int:
        """Return how many bytes the caller has not taken yet, those in the kernel too."""
        return 0 if self._transport is None else untaken(self._transport)

    def write(self, data: bytes) -> None:
        """Send bytes; to a caller that has gone, nothing."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(data)

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """Send several pieces in one."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            write_pieces(transport, pieces)

    def end_writing(self) -> None:
        """Say that no more is coming; TLS connections cannot, and stay as they are."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            # One that has just broken must not keep those from being told who stand behind it in a list.
            with contextlib.suppress(OSError, NotImplementedError):
                transport.write_eof()

    def abort(self) -> None:
        """Break the connection, so that half an answer is not taken for a whole one.

        By a reset: a socket that is closed says that all was sent, and there are answers that have no other end.
        """
        transport = self._transport
        if transport is not None:
            caller_socket = socket_of(transport)
            if caller_socket is not None:
                with contextlib.suppress(OSError):
                    caller_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def watch(self, watcher: FlowWatcher | None) -> None:
        """Tell `watcher` from now on how the caller takes what is written."""
        self._watcher = watcher

    def pause_reading(self) -> None:
        """Take no bytes from the caller."""
        transport = self._transport
        if self._reading and transport is not None and not transport.is_closing():
            self._reading = False
            transport.pause_reading()
            self._hold()

    def resume_reading(self) -> None:
        """Take bytes from the caller again."""
        transport = self._transport
        if not self._reading and transport is not None and not transport.is_closing():
            self._reading = True
            transport.resume_reading()
            self._let_go()

    def has_left(self) -> bool:
        """Tell whether the caller has ended its side, behind bytes that may still wait to be read."""
        caller_socket = None if self._transport is None else socket_of(self._transport)
        if caller_socket is None:
            return False
        with contextlib.suppress(OSError, AttributeError):  # a socket file has no such state, nor have other systems
            return caller_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _LEFT
        return False

    def leave(self) -> None:
        """Close, as at the end of what a caller sends."""
        if self._transport is not None:
            self._transport.close()

    def _hold(self) -> None:
        """Be told that nothing is read from now on."""

    def _let_go(self) -> None:
        """Be told that it is read again."""
