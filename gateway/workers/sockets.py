"""The listening sockets, bound once and shared by every worker, and TLS on the public ones."""

from __future__ import annotations

import socket
import ssl

import msgspec

from gateway.config.settings import ListenSettings, TlsSettings
from gateway.model.errors import GatewayError
from gateway.source.addresses import ListenAddress

BACKLOG = 4096
"""Connections that wait to be accepted, a burst's worth; the kernel's own bound (somaxconn) is 4096 too."""

Sockets = tuple[socket.socket, ...]


class Ports(msgspec.Struct, frozen=True):
    """The sockets of each port: one for every address that its host name stands for.

    All workers share one socket instead of one each (SO_REUSEPORT): a worker that exits would reset the connections
    that wait in its own queue.
    """

    public: Sockets
    admin: Sockets
    health: Sockets

    def close(self) -> None:
        """Close all sockets; those that a server closed before are left alone."""
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
    infos = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    try:
        for family, _, _, _, socket_address in dict.fromkeys(infos):
            bound.append(_listen(family, socket_address))
    except OSError:
        for each in bound:
            each.close()
        raise
    return tuple(bound)


def _listen(family: int, socket_address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits for TIME_WAIT to pass
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # `[::]` beside `0.0.0.0` is no clash
        listening.bind(socket_address)
        listening.listen(BACKLOG)
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError:
        listening.close()
        raise
    return listening


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
