"""The listening sockets, bound once and shared by every worker, and TLS on the public ones."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Callable, Sequence

import msgspec

from gateway.config.settings import ListenSettings, TlsSettings
from gateway.model.errors import GatewayError
from gateway.source.addresses import ANY_IPV4, ANY_IPV6, ListenAddress, ListenPlace, PassedSocket, SocketFile
from gateway.workers.socket_files import OwnFile, bind_file
from gateway.workers.systemd import passed_sockets

BACKLOG = 4096
"""Connections that wait to be accepted, a burst's worth; the kernel's own bound (somaxconn) is 4096 too."""

Sockets = tuple[socket.socket, ...]


class Ports(msgspec.Struct, frozen=True):
    """The sockets of each port, one for every address that its host names stand for; `files` are those of some.

    All workers share one socket instead of one each (SO_REUSEPORT): a worker that exits would reset the connections
    that wait in its own queue.
    """

    public: Sockets
    admin: Sockets
    health: Sockets
    files: tuple[OwnFile, ...] = ()
    grpc: Sockets = ()

    def close(self) -> None:
        """Close all sockets, and remove their files; those that a server closed before are left alone."""
        for file in self.files:
            file.remove()
        for each in (*self.public, *self.admin, *self.health, *self.grpc):
            each.close()


def bind_ports(listen: ListenSettings) -> Ports:
    """Bind every port of a config; raises GatewayError, and then none is bound."""
    health = () if listen.health is None else (listen.health,)
    grpc = () if listen.grpc is None else (listen.grpc,)
    binding = _Binding(listen.socket_mode, (*listen.public, listen.admin, *health, *grpc))
    try:
        public, admin, healths, checks = map(binding.bind, (listen.public, (listen.admin,), health, grpc))
    except OSError as error:
        Ports(tuple(binding.bound), (), (), tuple(binding.files)).close()
        raise GatewayError(f"cannot listen at {binding.place}: {error.strerror or error}") from error
    return Ports(public, admin, healths, tuple(binding.files), checks)


def port_of(sockets: Sockets) -> int:
    """Return the port that was bound: port 0 asks for any."""
    return int(sockets[0].getsockname()[1])


def places_of(sockets: Sockets) -> list[str]:
    """Return where these listen, as in a config."""
    return [str(_place_of(each)) for each in sockets]


def _place_of(listening: socket.socket) -> ListenPlace:
    name = listening.getsockname()
    return SocketFile(name) if listening.family == socket.AF_UNIX else ListenAddress(name[0], name[1])


async def accept(factory: Callable[[], asyncio.Protocol], listening: socket.socket) -> asyncio.AbstractServer:
    """Accept connections on a socket that is bound, each with a protocol of its own."""
    loop = asyncio.get_running_loop()
    if listening.family != socket.AF_UNIX:
        return await loop.create_server(factory, sock=listening, backlog=BACKLOG)
    if sys.version_info >= (3, 13):  # the file is not one worker's to remove
        return await loop.create_unix_server(factory, sock=listening, backlog=BACKLOG, cleanup_socket=False)
    return await loop.create_unix_server(factory, sock=listening, backlog=BACKLOG)


class _Binding:
    """Binds places; `bound` and `files` are what exists already, `place` is the last that was tried."""

    def __init__(self, mode: int, places: Sequence[ListenPlace]) -> None:
        self._mode = mode
        addresses = (place for place in places if isinstance(place, ListenAddress))
        self._ipv4_ports = {address.port for address in addresses if address.host == ANY_IPV4}
        self.bound: list[socket.socket] = []
        self.files: list[OwnFile] = []
        self.place: ListenPlace | None = None

    def bind(self, places: Sequence[ListenPlace]) -> Sockets:
        """Return a socket for each address of the places; raises OSError."""
        before = len(self.bound)
        for place in places:
            self.place = place
            if isinstance(place, SocketFile):
                listening, file = bind_file(place.path, self._mode)
                self.files.append(file)
                self._listen(listening)
            elif isinstance(place, PassedSocket):
                for passed in passed_sockets(os.environ, place.name):
                    self._listen(passed)
            else:
                self._bind_address(place)
        return tuple(self.bound[before:])

    def _bind_address(self, place: ListenAddress) -> None:
        infos = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # `[::]` takes IPv4 too, but where `0.0.0.0` has the port.
        only_ipv6 = place.host != ANY_IPV6 or place.port in self._ipv4_ports
        for family, _, _, _, address in dict.fromkeys(infos):
            listening = socket.socket(family, socket.SOCK_STREAM)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits for TIME_WAIT
                if family == socket.AF_INET6:
                    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_ipv6)
                listening.bind(address)
            except OSError:
                listening.close()
                raise
            self._listen(listening)

    def _listen(self, listening: socket.socket) -> None:
        self.bound.append(listening)
        listening.listen(BACKLOG)
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature


class Certificate:
    """The TLS context that the public port listens with, whose certificate can be replaced while connections stand.

    A handshake gets a context of its own instead of a new certificate in the first one: OpenSSL keeps one certificate
    for each kind of key, so an old RSA certificate would be shown beside a new ECDSA one.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._current = context
        self.context = context
        self.context.sni_callback = self._on_handshake

    def use(self, context: ssl.SSLContext) -> None:
        """Show the certificate of `context` from the next handshake on."""
        self._current = context

    def _on_handshake(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if self._current is not self.context:
            handshake.context = self._current


def load_certificate(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context that shows the certificate of `settings`; raises GatewayError, which names the files.

    It takes TLS 1.2 at least, with Python's choice of ciphers, and offers HTTP/1.1 alone (RFC 7301).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # each handshake costs us more than the caller (CVE-2011-1473)
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a callback OpenSSL would ask at the terminal for the password of a key that has one.
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; its text may name a library's source file
        reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else "no pair"
        text = f"listen.tls: {settings.cert_file} and {settings.key_file} cannot be used: {reason}"
        raise GatewayError(text) from error
    return context


def _no_password() -> str:
    raise ValueError("a key with a password")
