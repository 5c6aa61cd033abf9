"""What the data plane asks of the caller's connection, and what it does with bytes that are no longer HTTP."""

from __future__ import annotations

import asyncio
from typing import Protocol


class FlowWatcher(Protocol):
    """Is told when the caller takes bytes slowly, so that the source can be held."""

    def client_paused(self) -> None:
        """Hold the source: the caller's buffer is full."""

    def client_resumed(self) -> None:
        """Let the source go on."""


class RawPeer(Protocol):
    """One end of a tunnel, as its connection tells of it."""

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def ended(self) -> None:
        """Take it that the connection has gone; nothing more is called."""

    def paused(self) -> None:
        """Hold the other end: this one's write buffer is full."""

    def resumed(self) -> None:
        """Let the other end go on."""


class DownstreamConnection(Protocol):
    """The caller's connection, as the front keeps it. `transport` is `None` once the caller has gone.

    `peer` is the address that the socket shows, `unix` for a socket file; `scheme` is `http` or `https`. `draining`
    says that the process is about to end, so that each answer closes its connection.
    """

    transport: asyncio.Transport | None
    peer: str
    scheme: str

    @property
    def writing_paused(self) -> bool:
        """Tell whether the write buffer is full."""

    @property
    def draining(self) -> bool:
        """Tell whether the process is about to end."""

    def watch(self, watcher: FlowWatcher | None) -> None:
        """Tell `watcher` from now on when writing has to pause and may go on."""

    def take_over(self, peer: RawPeer) -> bytes:
        """Give every byte that comes from now on to `peer`; return those that came behind the request's head."""

    def resume_reading(self) -> None:
        """Take bytes from the caller again."""

    def pause_reading(self) -> None:
        """Take no bytes from the caller."""
