"""Who may connect: how many callers there are, in all and of one address."""

from __future__ import annotations

from collections.abc import Callable

from gateway.front.serving import FrontLimits
from gateway.model.refusal import Refusal, RefusalCode
from gateway.resilience.shares import Shares

_ALL = Refusal(RefusalCode.UNAVAILABLE, "limits.connections", None, 1)
_OWN = Refusal(RefusalCode.RATE_LIMITED, "limits.connections_per_address", None, 1)

MOST_REFUSED = 64
"""Connections that are told at the same time that they are too many: each stays until it has read that."""


class Admission:
    """Counts connections from the moment that they are accepted until their socket is closed.

    Whoever `is_many` (a trusted proxy) stands for many callers, and has no share of its own.
    """

    def __init__(self, limits: FrontLimits, is_many: Callable[[str], bool]) -> None:
        self._limits = limits
        self._is_many = is_many
        self._shares = Shares()
        self._open = 0

    def apply(self, limits: FrontLimits, is_many: Callable[[str], bool]) -> None:
        """Take other limits; who is there already stays."""
        self._limits = limits
        self._is_many = is_many

    def enter(self, peer: str) -> Refusal | None:
        """Count a connection; return why it may not stay, None if it may. `leave` must follow either way."""
        own = self._shares.enter(peer)
        self._open += 1
        if self._open > self._limits.connections:
            return _ALL
        if own > self._limits.connections_per_address and not self._is_many(peer):
            return _OWN
        return None

    def leave(self, peer: str) -> None:
        """Forget a connection."""
        self._open -= 1
        self._shares.leave(peer)
