"""What was ended through this gateway's own admin port, for generations and workers that come later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.model.session import RevocationTarget
from gateway.workers.control import RecordedRevocation

_KEPT = 10_000
"""Revocations that are remembered: some hundred bytes each. Beyond it the oldest is forgotten, so more than a busy
administrator makes within `cache.revoked`; a fleet that revokes by the thousand has Redis, which remembers them all."""


class RecentRevocations:
    """Remembers for `life` seconds; `clock` is in epoch seconds.

    Without it a reload or a new worker would forget that a token was revoked whose issuer knows nothing of it.
    """

    def __init__(self, clock: Callable[[], float], life: float) -> None:
        self._clock = clock
        self._noted: deque[RecordedRevocation] = deque(maxlen=_KEPT)
        self.life = life

    def note(self, ended: RevocationTarget) -> None:
        """Remember that something was ended now."""
        self._noted.append(RecordedRevocation(ended, self._clock()))

    def recent(self) -> tuple[RecordedRevocation, ...]:
        """Return what still counts, the oldest first."""
        since = self._clock() - self.life
        while self._noted and self._noted[0].at < since:
            self._noted.popleft()
        return tuple(self._noted)
