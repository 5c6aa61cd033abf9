"""How a connection to one upstream is made: by name or address, with or without TLS, or at a socket file."""

from __future__ import annotations

import asyncio
import ssl

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.route import UNIX, UpstreamAddress
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.name_resolution import ResolvedAddresses


class Connector:
    """Makes connections to `address`, one of its `addresses` after the other; `head_bytes` bounds a response's head.

    With `tls` the certificate has to be that of `server_name`, or of the address where that is empty.
    """

    def __init__(
        self,
        address: UpstreamAddress,
        addresses: ResolvedAddresses,
        head_bytes: int,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        self.address = address
        self._addresses = addresses
        self._head_bytes = head_bytes
        self._tls = tls
        self._server_name = (server_name or address.host) if tls is not None else None
        self._loop = asyncio.get_running_loop()

    async def connect(self) -> UpstreamConnection:
        """Return a connection that stands; raises ExchangeError, and TimeoutError where the system gave up."""
        try:
            connection = await self._open()
        except TimeoutError:
            raise
        except ssl.SSLError as error:
            raise ExchangeError(Fault.TLS, f"{self.address}: {error.reason}") from error
        except OSError as error:
            raise ExchangeError(Fault.CONNECT, f"{self.address}: {type(error).__name__}") from error
        if connection.transport is None:
            raise ExchangeError(Fault.CONNECT, f"{self.address}: closed at once")
        return connection

    async def _open(self) -> UpstreamConnection:
        if self.address.scheme == UNIX:
            _, connection = await self._loop.create_unix_connection(self._make, self.address.host)
            return connection
        host = await self._addresses.next()
        transport, connection = await self._loop.create_connection(self._make, host, self.address.port)
        if self._tls is not None:  # begun here, so that the connection knows the socket's own transport too
            above = await self._loop.start_tls(transport, connection, self._tls, server_hostname=self._server_name)
            if above is None:
                raise ConnectionResetError
            connection.connection_made(above)
        return connection

    def _make(self) -> UpstreamConnection:
        return UpstreamConnection(self._loop, self._head_bytes)
