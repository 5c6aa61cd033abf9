"""The listening sockets: bound once, before anything else, and shared by every worker."""

from __future__ import annotations

import socket

import msgspec

from gateway.config.settings import ListenSettings
from gateway.model.errors import GatewayError
from gateway.source.addresses import ListenAddress

_BACKLOG = 4096
"""Connections that wait to be accepted: a burst's worth. The kernel's own bound (somaxconn) is 4096 too."""

Sockets = tuple[socket.socket, ...]


class Ports(msgspec.Struct, frozen=True):
    """The sockets of each port: one for every address that a name stands for.

    One socket for all workers, and not one each (SO_REUSEPORT): a worker that ends would take the connections with it
    that wait in its own queue.
    """

    public: Sockets
    admin: Sockets
    health: Sockets

    def close(self) -> None:
        """Close them all; those that a server has taken over and closed already are left alone."""
        for each in (*self.public, *self.admin, *self.health):
            each.close()


def bind_ports(listen: ListenSettings) -> Ports:
    """Bind every port of a config; raises GatewayError, and then none is bound."""
    bound: list[Sockets] = []
    try:
        for address in (listen.public, listen.admin, listen.health):
            bound.append(() if address is None else _bind(address))
    except OSError as error:
        for each in (one for sockets in bound for one in sockets):
            each.close()
        raise GatewayError(f"cannot listen at {address}: {error.strerror or error}") from error
    return Ports(*bound)


def port_of(sockets: Sockets) -> int:
    """Return the port that was bound: port 0 asks for any."""
    return int(sockets[0].getsockname()[1])


def _bind(address: ListenAddress) -> Sockets:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    try:
        for family, _, _, _, place in dict.fromkeys(found):
            bound.append(_listening(family, place))
    except OSError:
        for each in bound:
            each.close()
        raise
    return tuple(bound)


def _listening(family: int, place: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits for TIME_WAIT to pass
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # `[::]` beside `0.0.0.0` is no clash
        made.bind(place)
        made.listen(_BACKLOG)
        made.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError:
        made.close()
        raise
    return made
