"""Rejections of a moment ago, in a bounded store of their own."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.model.answers import Rejected


class _NegativeEntry(msgspec.Struct, frozen=True):
    rejected: Rejected
    authority: str
    at: float
    until: float


class NegativeCache:
    """Remembers for `lifetime` seconds that a credential is no good, at most `limit` of them, oldest out first.

    Apart from the sessions, so that a flood of made-up keys evicts only other made-up keys; and never in Redis.
    `clock` is in epoch seconds.
    """

    def __init__(self, clock: Callable[[], float], lifetime: float, limit: int) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._limit = limit
        self._noted: dict[bytes, _NegativeEntry] = {}

    def __len__(self) -> int:
        """Return how many rejections are remembered."""
        return len(self._noted)

    def note(self, fingerprint: bytes, rejected: Rejected, authority: str) -> None:
        """Remember one rejection."""
        if self._lifetime <= 0 or self._limit <= 0:
            return
        self._noted.pop(fingerprint, None)
        if len(self._noted) >= self._limit:
            del self._noted[next(iter(self._noted))]
        now = self._clock()
        self._noted[fingerprint] = _NegativeEntry(rejected, authority, now, now + self._lifetime)

    def get(self, fingerprint: bytes, now: float) -> tuple[Rejected, str, float] | None:
        """Return the rejection, the authority that gave it and its age in seconds, if it is remembered."""
        noted = self._noted.get(fingerprint)
        if noted is None:
            return None
        if now >= noted.until:
            del self._noted[fingerprint]
            return None
        return noted.rejected, noted.authority, max(0.0, now - noted.at)
