"""What a test asks of a WebSocket, whichever library makes it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Message = str | bytes


class RefusedError(Exception):
    """The handshake was answered with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class End(Protocol):
    """One end of a WebSocket. `headers` are the handshake's, in lower case, where it was accepted."""

    compressed: bool
    headers: Mapping[str, str]

    async def send(self, message: Message, fragments: int = 1) -> None:
        """Send in so many frames, cut anywhere, in the middle of a character too."""

    async def receive(self) -> Message:
        """Return the next message, whole."""

    async def ping(self, data: str) -> None:
        """Return when the other end has answered."""

    async def close(self, code: int, reason: str) -> None:
        """Begin to close."""

    async def drop(self) -> None:
        """Break the connection without a word."""

    async def closed(self) -> tuple[int, str]:
        """Return the code and the reason that this end learned, once it is closed; 1006 where it learned none."""


class Listener(Protocol):
    """Where WebSockets are accepted."""

    port: int

    async def accepted(self) -> End:
        """Return the next one."""


class Library(Protocol):
    """Makes ends. With `compress` it offers, or accepts, permessage-deflate for messages of every size."""

    def connected(self, url: str, headers: Mapping[str, str], *, compress: bool) -> AbstractAsyncContextManager[End]:
        """Connect; raises RefusedError."""

    def listening(self, *, compress: bool) -> AbstractAsyncContextManager[Listener]:
        """Accept on a free port of loopback."""


def encoded(message: Message) -> bytes:
    return message.encode() if isinstance(message, str) else message
