"""How long an answer counts."""

from __future__ import annotations

import msgspec


class CacheTimes(msgspec.Struct, frozen=True):
    """All in seconds, but `jitter`, a fraction.

    `fresh`: served as it is; up to twice that it is served while one background refresh runs. `stale`: the age up to
    which it stands in for an authority that cannot be asked. `negative`: how long a rejection is remembered.
    `unheard`: how long memory keeps anything while revocations cannot be heard. `revoked`: how long a revocation is
    remembered at least. `jitter`: the part of `fresh` that is cut at random, so that a fleet does not expire at once.
    """

    fresh: float = 60.0
    stale: float = 600.0
    negative: float = 5.0
    unheard: float = 1.0
    revoked: float = 86400.0
    jitter: float = 0.1

    @property
    def surely_fresh(self) -> float:
        """The age up to which an answer is fresh whatever the jitter; what a refresh takes from another process."""
        return self.fresh * (1 - self.jitter)

    @property
    def longest(self) -> float:
        """The age that no kept answer outlives."""
        return max(self.stale, 2 * self.fresh)

    @property
    def changed(self) -> float:
        """How long a change is remembered: as long as an answer that was asked for before it may still turn up.

        A minute is added for a look-up that was under way; every authority's deadline is far below it.
        """
        return self.longest + 60.0
