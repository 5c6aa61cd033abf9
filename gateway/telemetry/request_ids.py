"""Request ids, unguessable and cheap."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

_SHAPE = re.compile(rb"[A-Za-z0-9_.-]{1,128}")
_BYTES = 16
_BATCH = 256
"""Ids from one read of the system's randomness: a read costs as much as making ten ids."""


class RandomHex:
    """Random lower-case hexadecimal, 16 bytes at a time, drawn in batches.

    Make one for each process, after the fork: two that share a batch would give two requests one id. `draw()` returns
    32 digits that were never returned before.
    """

    def __init__(self, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self.draw: Callable[[], str] = chain.from_iterable(_batches(randomness)).__next__


def _batches(randomness: Callable[[int], bytes]) -> Iterator[list[str]]:
    while True:
        drawn = randomness(_BYTES * _BATCH).hex()
        yield [drawn[start : start + 2 * _BYTES] for start in range(0, len(drawn), 2 * _BYTES)]


class RequestIds:
    """Gives each request its id: a new one of 32 hexadecimal digits (`new`), or a trusted sender's."""

    def __init__(self, random_hex: RandomHex) -> None:
        self.new = random_hex.draw

    def adopt(self, values: Sequence[bytes]) -> str:
        """Return the one value of a trusted peer's X-Request-Id, or a new id.

        It ends up in headers and logs, so only `[A-Za-z0-9_.-]{1,128}` is accepted.
        """
        if len(values) == 1 and _SHAPE.fullmatch(values[0]):
            return values[0].decode("ascii")
        return self.new()
