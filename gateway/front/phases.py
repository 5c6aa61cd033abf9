"""Where a caller's connection stands, and what its one deadline then does.

A connection stands in one of these phases, and what its one deadline does depends on it:

    HEAD        reads a request's head                    idle before its first byte: closed; then 408
    SERVING     is answered; its body may still come      a body that stalls fails
    DROPPING    reads the rest of a body nobody wants     lingers instead
    DRAINING    waits until its answers are taken, or     broken, if too few of the bytes were taken
                others have had their turn
    CLOSING     the same, behind the last answer          broken, if too few of the bytes were taken
    LINGERING   drops bytes, so that the answer is read   closed
    TUNNEL      carries raw bytes; has times of its own
    CLOSED      has gone
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto

from gateway.front.caller_transport import CallerTransport
from gateway.front.serving import ConnectionOwner, Opening
from gateway.resilience.deadline import Deadline

LINGER_SECONDS = 5.0
"""How long a caller may go on sending what is dropped. A socket that is closed while bytes wait in it sends a reset,
and the reset may overtake the answer (RFC 9112 section 9.6)."""


class Phase(Enum):
    """Where a connection stands; see the module's docstring."""

    HEAD = auto()
    SERVING = auto()
    DROPPING = auto()
    DRAINING = auto()
    CLOSING = auto()
    LINGERING = auto()
    TUNNEL = auto()
    CLOSED = auto()


# In Python 3.11 a member that is looked up in its class costs as much as three calls.
HEAD, SERVING, DROPPING, DRAINING, CLOSING, LINGERING, TUNNEL, CLOSED = Phase


class PhasedConnection(CallerTransport):
    """A connection with one deadline; the phases behind an answer are the same whatever was answered."""

    __slots__ = ("_deadline", "_last_unsent", "_loop", "_owner", "_phase", "place")

    def __init__(self, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._owner = owner
        self._loop = loop
        self._deadline = Deadline(loop, self._expired)
        self._phase = HEAD
        self._last_unsent = 0
        self.place: Opening | None = None

    def _late(self) -> None:
        """Act on a head or a body that took too long: only who reads them can tell."""
        raise NotImplementedError

    def _linger(self) -> None:
        """Hear no more, and let the caller read its answer before the connection goes."""
        self._wait(LINGERING, LINGER_SECONDS)
        self.end_writing()
        self.resume_reading()

    def _close(self) -> None:
        """Close once the caller has taken what was sent, or takes none of it any more."""
        if self._transport is not None:
            self._wait_for_taking(CLOSING)
            self._transport.close()

    def _wait_for_taking(self, phase: Phase) -> None:
        """Give the caller its time to take some of the bytes that wait for it."""
        if self._transport is not None:
            self._last_unsent = self.unsent
            self._wait(phase, self._owner.limits.body_stall)

    def _wait(self, phase: Phase, seconds: float) -> None:
        if self._phase is not CLOSED:
            self._phase = phase
            self._deadline.set(self._loop.time() + seconds)

    def _expired(self) -> None:
        """Act on what took too long, which the phase tells."""
        phase, transport = self._phase, self._transport
        if transport is None:
            return
        if phase is HEAD or phase is SERVING:
            self._late()
        elif phase is DROPPING:
            self._linger()
        elif phase is LINGERING:
            self._close()
        elif phase is DRAINING or phase is CLOSING:
            if self._takes_enough():
                self._wait_for_taking(phase)
            else:
                transport.abort()

    def _takes_enough(self) -> bool:
        """Tell whether some was taken, and not so little that what waits would be kept for hours."""
        limits, before = self._owner.limits, self._last_unsent
        taken = before - self.unsent
        return taken > 0 and taken >= min(before, limits.least_rate * limits.body_stall)

    def _hold(self) -> None:
        self._owner.held.add(self)

    def _let_go(self) -> None:
        self._owner.held.discard(self)
