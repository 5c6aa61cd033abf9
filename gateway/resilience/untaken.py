"""How many bytes a peer has not taken yet: slow is not stalled, and only these bytes tell the one from the other."""

from __future__ import annotations

import asyncio
import sys
import termios
from asyncio.trsock import TransportSocket
from fcntl import ioctl

_INT = bytes(4)


def socket_of(transport: asyncio.BaseTransport) -> TransportSocket | None:
    """Return a transport's socket; None where it has none, or none any more."""
    try:
        found: TransportSocket | None = transport.get_extra_info("socket")
    except AttributeError:  # asyncio's TLS transport, when it was closed twice
        return None
    return found


def untaken(transport: asyncio.WriteTransport) -> int:
    """Return the bytes that wait in the transport, and those in the kernel that the peer has not acknowledged.

    The kernel holds megabytes for a slow peer and takes more of ours only when a third of them has gone: seen from the
    transport alone, a peer that reads 10 KB a second stands still for minutes (tcp(7), SIOCOUTQ).
    """
    peer_socket = socket_of(transport)
    waiting = transport.get_write_buffer_size() if peer_socket is not None or not transport.is_closing() else 0
    if peer_socket is None:
        return waiting
    try:
        return waiting + int.from_bytes(ioctl(peer_socket.fileno(), termios.TIOCOUTQ, _INT), sys.byteorder)
    except (OSError, ValueError):  # it is being closed, or has no such queue
        return waiting
