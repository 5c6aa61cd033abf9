"""Three bounded memos of what was made of a field name or of a session, for those who come again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from gateway.model.session import Session

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")

_MARKS = 1 << 13
"""Places to note that somebody came; eight for each of a thousand, so that hardly two share one."""


_MOST_NAMES, _LONGEST_NAME = 4096, 64
"""Far more names than any real traffic has, and hardly one of it is longer."""


class FieldNameMemo(dict[bytes, Made]):
    """What was made of field names, for callers that send the same few again and again.

    It is no memory for a caller that makes up names: long ones are not kept, and too many are all forgotten, since
    those that are in use are back at once.
    """

    __slots__ = ()

    def keep(self, name: bytes, made: Made) -> Made:
        """Remember what was made of `name`, and return it."""
        if len(name) <= _LONGEST_NAME:
            if len(self) >= _MOST_NAMES:
                self.clear()
            self[name] = made
        return made


class AdmissionMemo(Generic[Key, Made]):
    """A memo that takes in who comes a second time while the first is not long ago (the doorkeeper of TinyLFU).

    Once callers outnumber its places, a memo that takes in everybody costs more than it saves: each that is put in
    pushes one out before he comes back. With 100,000 sessions in turn that was a tenth of a request's cost. At `most`
    all are forgotten: the hot ones are back at once.
    """

    __slots__ = ("_came", "_held", "_marks", "_most", "get")

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Key, Made] = {}
        self._marks = bytearray(_MARKS)
        self._came = 0
        self.get: Callable[[Key], Made | None] = self._held.get

    def put(self, key: Key, made: Made, name: Hashable) -> None:
        """Remember, if whoever has this `name` was here before."""
        mark = hash(name) % _MARKS
        if not self._marks[mark]:
            self._note(mark)
            return
        if len(self._held) >= self._most:
            self._held.clear()
        self._held[key] = made

    def _note(self, mark: int) -> None:
        if self._came >= self._most:
            self._marks = bytearray(_MARKS)
            self._came = 0
        self._came += 1
        self._marks[mark] = 1


class SessionMemo(Generic[Made]):
    """Results of pure functions of one session, by its identity and a `key`: equality would cost more than that.

    A session is held with what was made of it, so that no other can come to its identity.
    """

    __slots__ = ("_made",)

    def __init__(self, most: int = 1024) -> None:
        self._made: AdmissionMemo[tuple[int, Hashable], tuple[Session, Made]] = AdmissionMemo(most)

    def get(self, session: Session, key: Hashable) -> Made | None:
        """Return what was made of this very object, if it is remembered."""
        known = self._made.get((id(session), key))
        return known[1] if known is not None and known[0] is session else None

    def put(self, session: Session, key: Hashable, made: Made) -> None:
        """Remember, if this subject's session was here before."""
        self._made.put((id(session), key), (session, made), session.subject)
