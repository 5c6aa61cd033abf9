"""The tunnels, the event streams, and the answers that last.

A plain answer is over before a revocation could matter. What was allowed an hour ago would go on telling a revoked
session everything, so it is ended with the session and when the session expires; tunnels and event streams, which have
no other end, also when the process drains.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.answers import Found, Resolution, Unavailable
from gateway.model.credential import Credential
from gateway.model.decision import Decision
from gateway.resilience.shares import STREAMS_PER_ADDRESS, Shares
from gateway.upstream.tunnel import GOING_AWAY, POLICY_VIOLATION

StreamKind = Literal["tunnel", "event_stream", "answer"]
"""An `answer` is any other exchange that has been under way for longer than a second, an upload too."""

ResolveAgain = Callable[[Credential], Awaitable[Resolution]]

_LONGEST_TIMER = 86400.0
"""Seconds: a timer for a later expiry is set again, since a loop's clock may drift from the wall's."""

_AT_ONCE = 100
"""Streams that are looked at again before other work has its turn: some milliseconds of a busy loop."""


class OpenStream:
    """One stream. `end` closes it with a WebSocket close code, which an event stream has no use for."""

    __slots__ = ("decision", "end", "kind", "timer")

    def __init__(self, kind: StreamKind, decision: Decision, end: Callable[[int], None]) -> None:
        self.kind = kind
        self.decision = decision
        self.end = end
        self.timer: asyncio.TimerHandle | None = None


class OpenStreams:
    """Every open stream of one generation. `clock` gives epoch seconds: sessions expire by the wall's time.

    `on_open` is called for each that begins: its session may have been ended since its request was allowed, while
    nobody could find the stream. Then `recheck` is due for those that it has not seen. An address has at most
    `per_address` tunnels and event streams, unless it `is_many` clients.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_open: Callable[[], None] = lambda: None,
        *,
        per_address: int = STREAMS_PER_ADDRESS,
        is_many: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._clock = clock
        self._on_open = on_open
        self._streams: set[OpenStream] = set()
        self._unseen: set[OpenStream] = set()
        self._shares = Shares()
        self._per_address = per_address
        self._is_many = is_many
        self._draining = False

    def require_room(self, decision: Decision) -> None:
        """Raise ExchangeError when the client of `decision` has as many streams as an address may have."""
        client = decision.access.client
        if self._shares.count(client) >= self._per_address and not self._is_many(client):
            raise ExchangeError(Fault.TOO_MANY_STREAMS, "limits.streams_per_address")

    def count(self, kind: StreamKind) -> int:
        """Return how many are open; for metrics."""
        return sum(stream.kind == kind for stream in self._streams)

    def add(self, kind: StreamKind, decision: Decision, end: Callable[[int], None]) -> OpenStream:
        """Note a stream that has begun; `remove` must follow."""
        stream = OpenStream(kind, decision, end)
        self._streams.add(stream)
        if kind != "answer":
            self._shares.enter(decision.access.client)
        self._watch_expiry(stream)
        if self._draining and kind != "answer":
            asyncio.get_running_loop().call_soon(end, GOING_AWAY)
        elif decision.credential is not None:
            self._unseen.add(stream)
            self._on_open()
        return stream

    def remove(self, stream: OpenStream) -> None:
        """Forget a stream that has ended; to be called once for each."""
        self._streams.discard(stream)
        if stream.kind != "answer":
            self._shares.leave(stream.decision.access.client)
        self._unseen.discard(stream)
        if stream.timer is not None:
            stream.timer.cancel()

    def drain(self) -> int:
        """End what has no end of its own, since the process is about to; return how many. Later ones end at once."""
        self._draining = True
        streams = tuple(stream for stream in self._streams if stream.kind != "answer")
        for stream in streams:
            stream.end(GOING_AWAY)
        return len(streams)

    async def recheck(self, resolve: ResolveAgain, *, unseen_only: bool = False) -> int:
        """Resolve every stream's credential again, or the new ones', and end what is no longer anybody's session.

        Returns how many that were. One whose authority cannot be asked goes on: an outage is no revocation.
        """
        streams = tuple(self._unseen if unseen_only else self._streams)
        self._unseen.clear()
        gone = 0
        for position, stream in enumerate(streams, 1):
            if position % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if await _is_over(stream, resolve) and stream in self._streams:
                stream.end(POLICY_VIOLATION)
                gone += 1
        return gone

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


async def _is_over(stream: OpenStream, resolve: ResolveAgain) -> bool:
    credential = stream.decision.credential
    return credential is not None and not isinstance((await resolve(credential)).answer, Found | Unavailable)
