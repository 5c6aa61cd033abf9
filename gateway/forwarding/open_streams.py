"""The tunnels and event streams that are open, findable by what would end them.

A plain answer is over before a revocation could matter. A stream that was allowed an hour ago would go on telling a
revoked session everything, so it is ended with the session, when the session expires, and when the process drains.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal

from gateway.forwarding.tunnel import GOING_AWAY, POLICY_VIOLATION
from gateway.model.answers import Found, Unavailable
from gateway.model.credential import Credential
from gateway.model.decision import Decision
from gateway.model.resolution import Resolution

StreamKind = Literal["tunnel", "event_stream"]
Resolve = Callable[[Credential], Awaitable[Resolution]]
HandlesOf = Callable[[Decision], Sequence[bytes]]
"""Decision -> the handles of everything whose end would end it; news of revocations name things by the same."""

_LONGEST_TIMER = 86400.0
"""Seconds: a timer for a later expiry is set again, since a loop's clock may drift from the wall's."""


class OpenStream:
    """One stream. `end` closes it with a WebSocket close code, which an event stream has no use for."""

    __slots__ = ("decision", "end", "handles", "kind", "timer")

    def __init__(
        self, kind: StreamKind, decision: Decision, handles: Sequence[bytes], end: Callable[[int], None]
    ) -> None:
        self.kind = kind
        self.decision = decision
        self.handles = handles
        self.end = end
        self.timer: asyncio.TimerHandle | None = None


class OpenStreams:
    """Every open stream of one process. `clock` gives epoch seconds: sessions expire by the wall's time."""

    def __init__(self, handles_of: HandlesOf, clock: Callable[[], float]) -> None:
        self._handles_of = handles_of
        self._clock = clock
        self._streams: set[OpenStream] = set()
        self._by_handle: dict[bytes, set[OpenStream]] = {}

    def count(self, kind: StreamKind) -> int:
        """Return how many are open; for metrics."""
        return sum(stream.kind == kind for stream in self._streams)

    def add(self, kind: StreamKind, decision: Decision, end: Callable[[int], None]) -> OpenStream:
        """Note a stream that has begun; `remove` must follow."""
        handles = self._handles_of(decision) if decision.resolution.session is not None else ()
        stream = OpenStream(kind, decision, handles, end)
        self._streams.add(stream)
        for handle in handles:
            self._by_handle.setdefault(handle, set()).add(stream)
        self._watch_expiry(stream)
        return stream

    def remove(self, stream: OpenStream) -> None:
        """Forget a stream that has ended."""
        self._streams.discard(stream)
        if stream.timer is not None:
            stream.timer.cancel()
        for handle in stream.handles:
            streams = self._by_handle.get(handle)
            if streams is not None:
                streams.discard(stream)
                if not streams:
                    del self._by_handle[handle]

    def ended(self, handles: Iterable[bytes]) -> int:
        """End the streams of everything that was revoked; return how many."""
        found = {stream for handle in handles for stream in self._by_handle.get(handle, ())}
        return _end_all(found, POLICY_VIOLATION)

    def drain(self) -> int:
        """End every stream, since the process is about to end; return how many."""
        return _end_all(self._streams, GOING_AWAY)

    async def recheck(self, resolve: Resolve) -> int:
        """Resolve every stream's credential again, after news may have been missed; return how many were ended.

        One whose authority cannot be asked goes on: an outage is no revocation.
        """
        lost: list[OpenStream] = []
        for stream in tuple(self._streams):
            credential = stream.decision.credential
            if credential is None:
                continue
            answer = (await resolve(credential)).answer
            if not isinstance(answer, Found | Unavailable):
                lost.append(stream)
        return _end_all([stream for stream in lost if stream in self._streams], POLICY_VIOLATION)

    def _watch_expiry(self, stream: OpenStream) -> None:
        expires_at = stream.decision.resolution.expires_at
        if expires_at is None:
            return
        left = expires_at.timestamp() - self._clock()
        loop = asyncio.get_running_loop()
        if left > 0:
            stream.timer = loop.call_later(min(left, _LONGEST_TIMER), self._watch_expiry, stream)
        else:
            stream.timer = loop.call_later(0, stream.end, POLICY_VIOLATION)  # not before the stream itself stands


def _end_all(streams: Iterable[OpenStream], code: int) -> int:
    chosen = tuple(streams)
    for stream in chosen:
        stream.end(code)
    return len(chosen)
