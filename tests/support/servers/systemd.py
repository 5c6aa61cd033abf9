"""What systemd is to a service: a socket that it tells its states to (sd_notify(3))."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.support.clients.raw_http import PATIENCE

_LONGEST = 4096


class Manager:
    """Hears what a service tells at `address`."""

    def __init__(self, address: str, listening: socket.socket) -> None:
        self.address = address
        self._listening = listening

    async def told(self) -> str:
        """Return what is told next."""
        told = asyncio.get_running_loop().sock_recv(self._listening, _LONGEST)
        return (await asyncio.wait_for(told, PATIENCE)).decode()

    async def next_state(self) -> str:
        """Return the first line of what is told next."""
        return (await self.told()).partition("\n")[0]


@contextlib.contextmanager
def manager(folder: Path) -> Iterator[Manager]:
    """Listen in `folder` until the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(folder / "notify"))
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
        yield Manager(listening.getsockname(), listening)
