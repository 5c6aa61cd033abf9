"""The socket to which a service notifies its states (sd_notify(3))."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.support.clients.raw_http import PATIENCE

_MESSAGE_BYTES = 4096


class Manager:
    """Receives what a service sends to `address`."""

    def __init__(self, address: str, listening: socket.socket) -> None:
        self.address = address
        self._listening = listening

    async def received(self) -> str:
        """Return the next message."""
        message = asyncio.get_running_loop().sock_recv(self._listening, _MESSAGE_BYTES)
        return (await asyncio.wait_for(message, PATIENCE)).decode()

    async def next_state(self) -> str:
        """Return the first line of the next message."""
        return (await self.received()).partition("\n")[0]


@contextlib.contextmanager
def manager(folder: Path) -> Iterator[Manager]:
    """Listen in `folder` until the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(folder / "notify"))
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
        yield Manager(listening.getsockname(), listening)
