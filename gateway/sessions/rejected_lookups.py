"""How many rejected look-ups a client address may cause."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway.model.client_address import bucket_of_address
from gateway.model.route import RateLimit
from gateway.policy.limits import LocalLimits


class RejectedLookups:
    """Counts by client address, in this process, the credentials that an authority was asked about and rejected.

    Whoever makes keys up costs the authority a question each; an address beyond the limit has no more unknown ones
    looked up for a while. What is cached serves on. Without a `limit` nothing is counted, nor is what has no address.
    `now` is monotonic, in seconds.
    """

    def __init__(self, limit: RateLimit | None, now: Callable[[], float]) -> None:
        self._limit = limit
        self._buckets = LocalLimits(now)

    def count(self, address: str) -> None:
        """Count one rejection."""
        if self._limit is not None and address:
            self._buckets.take_now(bucket_of_address(address), self._limit)

    def wait(self, address: str) -> int:
        """Return the whole seconds until another unknown credential of this address is looked up; 0 for now."""
        if self._limit is None or not address:
            return 0
        if self._buckets.state(bucket_of_address(address), self._limit).remaining:
            return 0
        return max(1, math.ceil(1 / self._limit.rate))
