"""Which addresses an upstream's name stands for, asked again now and then, and used in turn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from gateway.http1.faults import ExchangeError, Fault
from gateway.resilience.tasks import TaskKeeper

LookUpName = Callable[[str, int], Awaitable[list[str]]]
"""Host name, port -> addresses in the order of preference; raises OSError."""


async def resolve_name(host: str, port: int) -> list[str]:
    """Ask the system's resolver (`/etc/hosts`, DNS), which runs in a thread."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class ResolvedAddresses:
    """The addresses of one name. `ttl` is in seconds: the system's resolver does not tell the record's own.

    Look-ups are shared by all who wait. While a name cannot be resolved, the addresses it had go on being used: a
    resolver that fails must not take down upstreams that do not.
    """

    def __init__(self, host: str, port: int, ttl: float, tasks: TaskKeeper, resolve: LookUpName = resolve_name) -> None:
        self._host = host
        self._port = port
        self._ttl = ttl
        self._tasks = tasks
        self._resolve = resolve
        self._fixed = _is_address(host)
        self._known: list[str] = [host] if self._fixed else []
        self._asked_at = 0.0
        self._turn = 0
        self._lookup: asyncio.Task[None] | None = None

    @property
    def known(self) -> int:
        """How many addresses there are to choose from."""
        return len(self._known)

    async def next(self) -> str:
        """Return the next address in turn; raises ExchangeError when the name never was resolved."""
        if not self._fixed:
            await self._refresh()
        self._turn += 1
        return self._known[self._turn % len(self._known)]

    async def _refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._known and now - self._asked_at < self._ttl:
            return
        if self._lookup is None:
            self._asked_at = now
            self._lookup = self._tasks.start(self._ask(), f"resolve {self._host}")
        if not self._known:
            await asyncio.shield(self._lookup)
        if not self._known:
            raise ExchangeError(Fault.NAME, self._host)

    async def _ask(self) -> None:
        try:
            found = await self._resolve(self._host, self._port)
        except OSError:
            found = []
        finally:
            self._lookup = None
        if found:
            self._known = found


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
