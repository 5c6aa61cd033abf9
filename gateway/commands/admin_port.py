"""A client of the admin port of the gateway that runs with a config.

By the standard library, on a thread: one call needs no aiohttp, which takes as long to load as all the rest of a
command.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from types import MappingProxyType

import msgspec
from typing_extensions import override

from gateway.config.settings import ListenSettings
from gateway.model.errors import GatewayError
from gateway.source.addresses import ListenAddress, SocketFile

ADMIN_SECONDS = 10.0
"""Without a byte from the port: a person waits for it."""

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is compared, nothing listens
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class AdminAnswer(msgspec.Struct, frozen=True):
    """The status and the body of an answer."""

    status: int
    body: bytes


async def ask_admin_port(
    listen: ListenSettings, method: str, path: str, body: bytes | None = None, fields: Mapping[str, str] = _NO_FIELDS
) -> AdminAnswer:
    """Send one request to `listen.admin` on a connection of its own; raises GatewayError."""
    return await asyncio.to_thread(_ask, _connection(listen.admin), (method, path, body, dict(fields)))


async def is_serving(listen: ListenSettings) -> bool:
    """Tell whether a gateway may run at `listen.admin`: False only where a connection is refused outright."""
    try:
        await ask_admin_port(listen, "GET", "/healthz")
    except GatewayError as error:
        cause = error.__cause__
        return not isinstance(cause, OSError) or cause.errno not in {errno.ECONNREFUSED, errno.ENOENT}
    return True


class _SocketFileConnection(HTTPConnection):
    """A connection to a socket file."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ADMIN_SECONDS)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ADMIN_SECONDS)
        self.sock.connect(self._path)


def _connection(place: ListenAddress | SocketFile) -> HTTPConnection:
    if isinstance(place, SocketFile):
        return _SocketFileConnection(place.path)
    return HTTPConnection(_LOOPBACK.get(place.host, place.host), place.port, timeout=ADMIN_SECONDS)


def _ask(connection: HTTPConnection, request: tuple[str, str, bytes | None, dict[str, str]]) -> AdminAnswer:
    try:
        connection.request(*request)
        answer = connection.getresponse()
        return AdminAnswer(answer.status, answer.read())
    except (OSError, HTTPException, ValueError) as fault:
        raise GatewayError(f"the admin port cannot be asked: {str(fault) or type(fault).__name__}") from fault
    finally:
        connection.close()
