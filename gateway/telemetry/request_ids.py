"""Names for requests, unguessable and cheap."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

_SHAPE = re.compile(rb"[A-Za-z0-9_.-]{1,128}")
_BYTES = 16
_BATCH = 256
"""Ids that one read of the system's randomness makes: a read costs as much as making ten of them."""


class RandomHex:
    """Random lower-case hexadecimal, 16 bytes at a time, drawn in batches.

    Make it after a fork, one for each process: two that share a batch would name two requests alike.
    """

    def __init__(self, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._randomness = randomness
        self._batch: list[str] = []

    def draw(self) -> str:
        """Return 32 hexadecimal digits that were never returned before."""
        if not self._batch:
            drawn = self._randomness(_BYTES * _BATCH).hex()
            self._batch = [drawn[start : start + 2 * _BYTES] for start in range(0, len(drawn), 2 * _BYTES)]
        return self._batch.pop()


class RequestIds:
    """Gives each request its id; another's is taken over only where the caller of this class trusts the sender."""

    def __init__(self, random_hex: RandomHex) -> None:
        self._random_hex = random_hex

    def new(self) -> str:
        """Return a fresh id of 32 hexadecimal digits."""
        return self._random_hex.draw()

    def adopt(self, values: Sequence[bytes]) -> str:
        """Return the one value of a trusted peer's X-Request-Id, or a fresh id.

        It ends up in headers and logs, so only `[A-Za-z0-9_.-]{1,128}` is taken over.
        """
        if len(values) == 1 and _SHAPE.fullmatch(values[0]):
            return values[0].decode("ascii")
        return self.new()
