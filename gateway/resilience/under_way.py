"""Whether something is being done already, in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class UnderWay:
    """What is being done in this process, by name."""

    def __init__(self) -> None:
        self._names: Counter[str] = Counter()

    @contextmanager
    def entered(self, name: str) -> Iterator[bool]:
        """Count one more for as long as it is being done; yield whether there was one already."""
        was_there = self._names[name] > 0
        self._names[name] += 1
        try:
            yield was_there
        finally:
            self._names[name] -= 1
            if not self._names[name]:
                del self._names[name]
