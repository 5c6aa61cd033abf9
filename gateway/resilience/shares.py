"""How many of something each client has at the same time."""

from __future__ import annotations

from gateway.model.client_address import bucket_of_address

STREAMS_PER_ADDRESS = 500
"""Tunnels and event streams of one client by default."""

BUFFERED = 256 * 1024 * 1024
"""Bytes that bodies of routes with `buffer_body` may take, all together, by default."""


class Shares:
    """Counts by client address; an IPv6 address counts as its network, as for rate limits."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def count(self, address: str) -> int:
        """Return how many an address has."""
        return self._of.get(bucket_of_address(address), 0)

    def enter(self, address: str) -> int:
        """Count one more; return how many it has now. `leave` must follow."""
        bucket = bucket_of_address(address)
        count = self._of[bucket] = self._of.get(bucket, 0) + 1
        return count

    def leave(self, address: str) -> None:
        """Count one less."""
        bucket = bucket_of_address(address)
        left = self._of[bucket] - 1
        if left:
            self._of[bucket] = left
        else:
            del self._of[bucket]
