"""What an upstream said before it reset the connection, read although a write has met the reset first.

An upstream that answers in the middle of an upload (413, 401) and closes sends a reset behind its answer. A write that
meets the reset closes the transport, which reads no more. The answer lies in the socket all the same, and the socket is
open until the loss is told, in a later turn of the loop.
"""

from __future__ import annotations

import asyncio
import os
from typing import Protocol, cast

from gateway.resilience.untaken import socket_of

_PIECE = 64 * 1024


class Listener(Protocol):
    """The connection whose upstream is heard."""

    @property
    def sink(self) -> object | None:
        """Who still waits for an answer."""


class LastWords:
    """Looks, behind a write, whether that failed. `transport` is the socket's own, below TLS."""

    def __init__(self, transport: asyncio.Transport, listener: Listener) -> None:
        self._transport = transport
        self._listener = listener
        self._loop = asyncio.get_running_loop()

    def look_behind(self) -> None:
        """Look when the write that follows has been tried: at once, or in the turn after this one (uvloop)."""
        self._loop.call_soon(self._look, 1)

    def _look(self, turns: int) -> None:
        if self._transport.is_closing():
            self._deliver()
        elif turns:
            self._loop.call_soon(self._look, turns - 1)

    def _deliver(self) -> None:
        """Hand in what lies in the socket, as if it had been read in time."""
        upstream_socket = socket_of(self._transport)
        while upstream_socket is not None and self._listener.sink is not None and upstream_socket.fileno() >= 0:
            try:
                data = os.read(upstream_socket.fileno(), _PIECE)
            except OSError:
                return
            if not data:
                return
            _hand_in(self._transport.get_protocol(), data)


def _hand_in(protocol: asyncio.BaseProtocol, data: bytes) -> None:
    if not hasattr(protocol, "get_buffer"):
        cast("asyncio.Protocol", protocol).data_received(data)
        return
    below_tls = cast("asyncio.BufferedProtocol", protocol)
    left = memoryview(data)
    while left:
        buffer = memoryview(below_tls.get_buffer(len(left)))
        size = min(len(buffer), len(left))
        buffer[:size] = left[:size]
        below_tls.buffer_updated(size)
        left = left[size:]
