"""Callers of whom nothing is read for now: a caller that leaves would be noticed only at the next write to it."""

from __future__ import annotations

import asyncio
from typing import Protocol

_EVERY = 1.0
"""Seconds between two looks; each costs a system call for every caller that is held."""


class HeldCaller(Protocol):
    """A connection that is not read from."""

    def has_left(self) -> bool:
        """Tell whether the other end has closed, behind what may still wait unread."""

    def leave(self) -> None:
        """Close, as at the end of what a caller sends."""


class HeldCallers:
    """Looks at held callers now and then, and lets those go that have left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: set[HeldCaller] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, caller: HeldCaller) -> None:
        """Look at `caller` from now on."""
        self._held.add(caller)
        if self._timer is None:
            self._timer = self._loop.call_at(self._loop.time() + _EVERY, self.look)

    def discard(self, caller: HeldCaller) -> None:
        """Look at it no more: it is read again, or has gone."""
        self._held.discard(caller)

    def look(self) -> None:
        """Let go who has left."""
        self._timer = None
        for caller in tuple(self._held):
            if caller.has_left():
                self._held.discard(caller)
                caller.leave()
        if self._held:
            self._timer = self._loop.call_at(self._loop.time() + _EVERY, self.look)

    def close(self) -> None:
        """Look no more."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
