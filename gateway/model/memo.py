"""Bounded memos: results for a field name, for any key that comes again, and for a session."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from gateway.model.session import Session

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")

_MARKS = 1 << 13
"""Places that note a first arrival; eight for each of a thousand names, so that hardly two share one."""

_MOST_NAMES, _LONGEST_NAME = 4096, 64
"""Names, and bytes of one name: far more names than real traffic has, and hardly one of those is longer."""


class FieldNameMemo(dict[bytes, Result]):
    """Results for field names, since callers send the same few again and again.

    A caller that makes up names cannot fill it: long ones are not stored, and when there are too many all are dropped,
    since those in use return at once.
    """

    __slots__ = ()

    def keep(self, name: bytes, result: Result) -> Result:
        """Store the result for `name`, and return it."""
        if len(name) <= _LONGEST_NAME:
            if len(self) >= _MOST_NAMES:
                self.clear()
            self[name] = result
        return result


class AdmissionMemo(Generic[Key, Result]):
    """A memo that stores a result only when its name comes a second time within a while (the doorkeeper of TinyLFU).

    Once callers outnumber its places, a memo that stores everything costs more than it saves: each entry pushes one out
    before that one is asked for again. With 100,000 sessions in turn that was a tenth of a request's cost. At `most`
    entries all are dropped, since those in use return at once.
    """

    __slots__ = ("_entries", "_marked", "_marks", "_most", "get")

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[Key, Result] = {}
        self._marks = bytearray(_MARKS)
        self._marked = 0
        self.get: Callable[[Key], Result | None] = self._entries.get

    def put(self, key: Key, result: Result, name: Hashable) -> None:
        """Store the result, if this `name` came before."""
        mark = hash(name) % _MARKS
        if not self._marks[mark]:
            self._mark(mark)
            return
        if len(self._entries) >= self._most:
            self._entries.clear()
        self._entries[key] = result

    def _mark(self, mark: int) -> None:
        if self._marked >= self._most:
            self._marks = bytearray(_MARKS)
            self._marked = 0
        self._marked += 1
        self._marks[mark] = 1


class SessionMemo(Generic[Result]):
    """Results of pure functions of one session, by the object's identity and a `key`: comparing would cost more.

    The session is stored with its result, so that no other object can get its identity.
    """

    __slots__ = ("_memo",)

    def __init__(self, most: int = 1024) -> None:
        self._memo: AdmissionMemo[tuple[int, Hashable], tuple[Session, Result]] = AdmissionMemo(most)

    def get(self, session: Session, key: Hashable) -> Result | None:
        """Return the result for this very object, or None."""
        entry = self._memo.get((id(session), key))
        return entry[1] if entry is not None and entry[0] is session else None

    def put(self, session: Session, key: Hashable, result: Result) -> None:
        """Store the result, if a session of this subject came before."""
        self._memo.put((id(session), key), (session, result), session.subject)
