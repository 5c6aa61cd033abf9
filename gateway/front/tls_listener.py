"""Accepts connections that begin with a TLS handshake, and counts them from the first moment.

asyncio's own server tells of a connection only when its handshake is done: whoever never ends one would be counted by
nobody, and take descriptors from all others.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

import structlog

from gateway.front.server import GatewayServer
from gateway.front.serving import OpenConnection

_log = structlog.get_logger(__name__)

_AT_ONCE = 64
"""Connections that are accepted before others have their turn."""

_RETRY_SECONDS = 1.0
"""After which accepting is tried again where the system has no descriptors left."""


class TlsListener:
    """Listens on a socket that is bound, from `open` on; a handshake may take `limits.head_timeout`."""

    def __init__(self, server: GatewayServer, listening: socket.socket, context: ssl.SSLContext) -> None:
        self._server = server
        self._socket = listening
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to accept."""
        self._retry = None
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more; the socket is closed, handshakes go on."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
        if self._retry is not None:
            self._retry.cancel()
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("accept_failed", fault=error.strerror)
                self._loop.remove_reader(self._socket.fileno())
                self._retry = self._loop.call_later(_RETRY_SECONDS, self.open)
                return
            accepted.setblocking(False)  # noqa: FBT003 - the standard library's signature
            handshake = Handshake(self._server, accepted, str(address[0]))
            if self._server.opened(handshake) is None:
                handshake.begin(self._context)
            else:
                handshake.abort()  # a refusal in words would need the handshake first


class Handshake:
    """A connection whose TLS handshake is under way; implements `gateway.front.serving.OpenConnection`."""

    place: OpenConnection | None = None
    writing_paused = False
    unsent = 0

    def __init__(self, server: GatewayServer, accepted: socket.socket, peer: str) -> None:
        self._server = server
        self._socket = accepted
        self._task: asyncio.Task[bool] | None = None
        self.peer = peer

    def begin(self, context: ssl.SSLContext) -> None:
        """Shake hands."""
        self._task = self._server.tasks.start(self._shake(context), "TLS handshake")
        self._task.add_done_callback(self._ended)  # not the coroutine's end: one that is cancelled at once never begins

    def close_if_idle(self) -> None:
        """Go on: a request follows."""

    def abort(self) -> None:
        """Break the connection."""
        if self._task is not None:
            self._task.cancel()
        else:
            self._socket.close()
            self._server.closed(self)

    async def _shake(self, context: ssl.SSLContext) -> bool:
        """Return whether a connection came of it."""
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: self._server.connection_of(self),
                self._socket,
                ssl=context,
                ssl_handshake_timeout=self._server.limits.head_timeout,
            )
        except OSError:  # ssl.SSLError is one: what a caller does to its own handshake
            return False
        return True

    def _ended(self, task: asyncio.Task[bool]) -> None:
        if task.cancelled() or task.exception() is not None or not task.result():
            self._socket.close()
        self._server.closed(self)
