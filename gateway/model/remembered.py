"""What was made of an object, for as long as the object is about."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Remembered(Generic[Made]):
    """Results of pure functions of one frozen object, by its identity and a `key`: equality would cost more than that.

    An object is held with what was made of it, so that no other can come to its identity. At `most` results all are
    forgotten: the hot ones are back at once.
    """

    __slots__ = ("_made", "_most")

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._made: dict[tuple[int, Hashable], tuple[object, Made]] = {}

    def get(self, subject: object, key: Hashable) -> Made | None:
        """Return what was made of this very object, if it is remembered."""
        known = self._made.get((id(subject), key))
        return known[1] if known is not None and known[0] is subject else None

    def put(self, subject: object, key: Hashable, made: Made) -> None:
        """Remember."""
        if len(self._made) >= self._most:
            self._made.clear()
        self._made[id(subject), key] = (subject, made)
