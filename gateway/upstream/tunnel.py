"""After a 101: raw bytes both ways, as they come, until either side ends or somebody ends it.

A bridge of messages would answer for the upstream (in 136 of 252 Autobahn cases otherwise than it); bytes cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.http1.downstream import DownstreamConnection
from gateway.http1.faults import Fault
from gateway.http1.frames import FrameTracker, close_frame
from gateway.resilience.deadline import Deadline
from gateway.telemetry.record import RequestRecord
from gateway.upstream.connection import UpstreamConnection

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
"""Close codes of RFC 6455 section 7.4.1: the process ends, or nothing was said for too long; the session ended."""

_GOODBYE_SECONDS = 1.0
"""How long a frame may take to end, and then a client to close, before the connection is cut."""


class Tunnel:
    """Joins a caller's and an upstream's connection. `idle` is in seconds, without a byte in either direction.

    Whoever takes nothing of what waits for it has a time of its own: the upstream `idle`, the caller its `stall`.
    """

    def __init__(
        self, client: DownstreamConnection, upstream: UpstreamConnection, idle: float, record: RequestRecord
    ) -> None:
        loop = asyncio.get_running_loop()
        self._client = client
        self._upstream = upstream
        self._idle = idle
        self._record = record
        self._clock = loop.time
        self._deadline = Deadline(loop, self._expired)
        self._frames = FrameTracker()
        self._fault = Fault.IDLE_TIMEOUT
        self._seconds = idle
        self._waits = False
        self._left = 0
        self._code = 0
        self._said = False
        self._over: Callable[[], None] | None = None

    def open(self, head: bytes, rest: bytes, over: Callable[[], None]) -> None:
        """Send `head` to the caller, then carry bytes; `rest` came behind the 101, and `over` is called at the end."""
        self._over = over
        self._upstream.tunnel = _UpstreamEnd(self)
        self._client.write(head)
        early = self._client.take_over(_ClientEnd(self))
        self.from_upstream(rest)
        self.from_client(early)
        # A caller that took none of it yet is told of once: to read on would be to keep all that comes.
        self.hold_upstream(hold=self._client.writing_paused)

    def end(self, code: int) -> None:
        """Close because the session or the process ends: a close frame at a frame boundary, then the connection."""
        self._close(Fault.ENDED, code)

    def from_client(self, data: bytes) -> None:
        """Carry what the caller sent."""
        if self._code:
            return
        self._record.bytes_in += len(data)
        self._upstream.write(data)
        self._moved()

    def from_upstream(self, data: bytes) -> None:
        """Carry what the upstream sent."""
        if self._said:
            return
        if self._code:
            data = data[: self._frames.advance(data, to_boundary=True)]
        else:
            self._frames.advance(data)
            self._moved()
        self._record.bytes_out += len(data)
        self._client.write(data)
        if self._code and self._frames.at_boundary:
            self._say_goodbye()

    def ended(self) -> None:
        """One of the connections has gone."""
        over, self._over = self._over, None
        if over is not None:
            self._deadline.close()
            self._upstream.close()
            over()

    def upstream_ended(self) -> None:
        """Take it that the upstream's connection has gone; while we say goodbye that is no news."""
        if not self._said:
            self.ended()

    def hold_client(self, *, hold: bool) -> None:
        """Take no bytes from the caller while the upstream takes none, and the other way round."""
        self._client.pause_reading() if hold else self._client.resume_reading()
        self._wait_for(Fault.IDLE_TIMEOUT, self._idle, hold=hold)

    def hold_upstream(self, *, hold: bool) -> None:
        """Take no bytes from the upstream while the caller takes none."""
        self._upstream.pause_reading() if hold else self._upstream.resume_reading()
        self._wait_for(Fault.CLIENT_STALLED, self._client.stall, hold=hold)

    def _moved(self) -> None:
        """Give both sides their time anew, unless one of them is waited for that takes nothing."""
        if not self._waits:
            self._deadline.set(self._clock() + self._idle)

    def _wait_for(self, fault: Fault, seconds: float, *, hold: bool) -> None:
        """Give whoever takes nothing its own time: what the other side sends meanwhile is no sign of it."""
        if self._code:
            return
        self._waits = hold
        self._fault, self._seconds = (fault, seconds) if hold else (Fault.IDLE_TIMEOUT, self._idle)
        self._left = self._untaken()
        self._deadline.set(self._clock() + self._seconds)

    def _untaken(self) -> int:
        return self._client.unsent + self._upstream.untaken()

    def _close(self, fault: Fault, code: int) -> None:
        if self._code:
            return
        self._code = code
        self._record.fault = fault.value
        self._deadline.set(self._clock() + _GOODBYE_SECONDS)
        if self._frames.at_boundary:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        self._said = True
        self._client.write(close_frame(self._code))
        self._client.end_writing()
        # The caller answers and closes; what it still sends is read and dropped, for a reset could overtake the frame.
        self._client.resume_reading()
        self._deadline.set(self._clock() + _GOODBYE_SECONDS)

    def _expired(self) -> None:
        left, self._left = self._left, self._untaken()
        if self._code:
            self.ended()
        elif self._left < left or (self._left and not left):
            self._deadline.set(self._clock() + self._seconds)  # slow is not stalled
        else:
            self._close(self._fault, GOING_AWAY)


class _ClientEnd:
    """What the caller's connection tells the tunnel."""

    def __init__(self, tunnel: Tunnel) -> None:
        self.received = tunnel.from_client
        self.ended = tunnel.ended
        self._tunnel = tunnel

    def paused(self) -> None:
        self._tunnel.hold_upstream(hold=True)

    def resumed(self) -> None:
        self._tunnel.hold_upstream(hold=False)


class _UpstreamEnd:
    """What the upstream's connection tells the tunnel."""

    def __init__(self, tunnel: Tunnel) -> None:
        self.received = tunnel.from_upstream
        self._tunnel = tunnel

    def ended(self) -> None:
        self._tunnel.upstream_ended()

    def paused(self) -> None:
        self._tunnel.hold_client(hold=True)

    def resumed(self) -> None:
        self._tunnel.hold_client(hold=False)
