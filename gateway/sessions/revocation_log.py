"""The revocations and changes that this process has heard of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.model.answers import Found
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, RevocationStatus, status_of


class _LoggedRevocation(msgspec.Struct, frozen=True):
    ending: Revocation
    version: int
    until: float


class RevocationLog:
    """Answers in constant time whether something was ended since a moment; a moment is a `version`, never a clock.

    Memory is not searched when a revocation is heard: each hit asks here instead, and only when anything was heard
    since it last asked. So a revocation costs the same with ten cached sessions or a million. `limit` bounds what is
    remembered; beyond it the oldest is forgotten, and with it the trust in everything kept so far (fail closed).
    `clock` is in epoch seconds. `on_news` is called after each: whoever holds something open (a tunnel, an event
    stream) resolves it again.
    """

    def __init__(
        self, clock: Callable[[], float], on_news: Callable[[], None] = lambda: None, limit: int = 100_000
    ) -> None:
        self._clock = clock
        self._on_news = on_news
        self._limit = limit
        self._heard: dict[bytes, _LoggedRevocation] = {}
        self._distrusted = 0
        self.version = 0

    def __len__(self) -> int:
        """Return how many endings are remembered."""
        return len(self._heard)

    def hear(self, news: RevocationMessage) -> None:
        """Remember what was ended or changed; a lasting revocation is never replaced by a mere change."""
        self.version += 1
        now = self._clock()
        self._forget_expired(now)
        for handle in news.handles:
            self._heard[handle] = self._merged(self._heard.pop(handle, None), news.ending, now)
        while len(self._heard) > self._limit:
            del self._heard[next(iter(self._heard))]
            self.distrust()
        self._on_news()

    def hear_anew(self) -> None:
        """Note that news are heard again and some may have gone by: distrust what is kept, resolve what is open."""
        self.distrust()
        self._on_news()

    def distrust(self) -> None:
        """Note that something may have been missed: whatever was looked up before now is no longer trusted."""
        self.version += 1
        self._distrusted = self.version

    def untouched_since(self, version: int, handles: Sequence[bytes]) -> bool:
        """Tell whether nothing about `handles` was heard, or may have been missed, since `version`."""
        if version < self._distrusted:
            return False
        heard = self._heard
        return not any(handle in heard and heard[handle].version > version for handle in handles)

    def status_of(self, handles: Sequence[bytes], found: Found, version: int) -> RevocationStatus:
        """Return how what was heard touches an answer whose look-up began at `version`."""
        now = self._clock()
        known = (self._heard.get(handle) for handle in handles)
        return status_of(((one.ending, one.version > version) for one in known if one and now < one.until), found)

    def _merged(self, known: _LoggedRevocation | None, ending: Revocation, now: float) -> _LoggedRevocation:
        """Let a mere change renew a lasting revocation, never replace it."""
        until = now + ending.life
        lasting = known is not None and now < known.until and known.ending.effect is not Effect.CHANGED
        if known is not None and lasting and ending.effect is Effect.CHANGED:
            return _LoggedRevocation(known.ending, self.version, max(known.until, until))
        return _LoggedRevocation(ending, self.version, until)

    def _forget_expired(self, now: float) -> None:
        """Drop from the oldest on; what hides behind a longer-lived one is dropped later, or by the limit."""
        while self._heard:
            handle = next(iter(self._heard))
            if now < self._heard[handle].until:
                return
            del self._heard[handle]
