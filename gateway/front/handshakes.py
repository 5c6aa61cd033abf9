"""Accepts connections that begin with a TLS handshake or a proxy's header, and counts them from the first moment.

asyncio's own server tells of a connection only when its handshake is done: whoever never ends one would be counted by
nobody, and take descriptors from all others.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

import structlog

from gateway.front.header_reading import read_header
from gateway.front.server import GatewayServer
from gateway.front.serving import Opening
from gateway.http1.proxy_header import ProxyHeaderError
from gateway.model.client_address import peer_name
from gateway.model.refusal import Refusal

_log = structlog.get_logger(__name__)

_AT_ONCE = 64
"""Connections that are accepted before others have their turn."""

_RETRY_SECONDS = 1.0
"""After which accepting is tried again where the system has no descriptors left."""


class HandshakeListener:
    """Listens on a socket that is bound, from `open` on; a header and a handshake may take `limits.head_timeout` each.

    With `headers`, connections of trusted proxies begin with whom they are for; `context` is None without TLS.
    """

    def __init__(
        self, server: GatewayServer, listening: socket.socket, context: ssl.SSLContext | None, *, headers: bool = False
    ) -> None:
        self._server = server
        self._socket = listening
        self._context = context
        self._headers = headers
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
            handshake = Handshake(self._server, accepted, peer_name(address), self._context)
            handshake.refusal = self._server.opened(handshake)
            if handshake.refusal is None:
                handshake.begin(with_header=self._headers and self._server.is_proxy(handshake.peer))
            elif self._context is not None:
                handshake.abort()  # a refusal in words would need the handshake first
            elif not handshake.closed:
                handshake.begin(with_header=False)


class Handshake:
    """A connection that is no HTTP yet; implements `gateway.front.serving.Opening`."""

    place: Opening | None = None
    writing_paused = False
    unsent = 0

    def __init__(
        self, server: GatewayServer, accepted: socket.socket, peer: str, context: ssl.SSLContext | None
    ) -> None:
        self._server = server
        self._socket = accepted
        self._context = context
        self._task: asyncio.Task[bool] | None = None
        self.peer = peer
        self.refusal: Refusal | None = None

    @property
    def closed(self) -> bool:
        """Tell whether it was broken off already."""
        return self._socket.fileno() < 0

    def begin(self, *, with_header: bool) -> None:
        """Find out whom it is for, where it says so, and shake hands."""
        self._task = self._server.tasks.start(self._open(with_header=with_header), "handshake")
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

    async def _open(self, *, with_header: bool) -> bool:
        """Return whether a connection came of it."""
        if with_header and not await self._is_named():
            return False
        if self.refusal is not None and self._context is not None:
            return False
        seconds = self._server.limits.head_timeout if self._context is not None else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._server.connection_of(self),
                self._socket,
                ssl=self._context,
                ssl_handshake_timeout=seconds,
            )
        except OSError:  # ssl.SSLError is one: what a caller does to its own handshake
            return False
        return True

    async def _is_named(self) -> bool:
        """Read the header, and be counted by the name that it tells; return whether there was one."""
        limits = self._server.limits
        try:
            async with asyncio.timeout(limits.head_timeout):
                header = await read_header(self._socket, limits.head_bytes)
        except TimeoutError:
            fault = "the PROXY header did not come within limits.head_timeout"
        except OSError:
            return False
        except ProxyHeaderError as error:
            fault = str(error)
        else:
            if header is not None and header.peer is not None:
                self.refusal = self._server.rename(self, header.peer)
            return header is not None
        _log.warning("proxy_header_refused", peer=self.peer, fault=fault)
        return False

    def _ended(self, task: asyncio.Task[bool]) -> None:
        if task.cancelled() or task.exception() is not None or not task.result():
            self._socket.close()
        self._server.closed(self)
