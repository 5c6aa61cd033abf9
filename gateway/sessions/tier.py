"""What the resolver asks of a tier that processes share, and what it is told; no store is known here."""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.model.answers import Found
from gateway.model.credential import Credential
from gateway.sessions.revocation import RevocationStatus


class SharedEntry(msgspec.Struct, frozen=True):
    """A shared answer: what an authority said, which one, and how many seconds ago it was asked."""

    found: Found
    authority: str
    age: float


class Visit(Protocol):
    """Everything that one look-up does in the shared tier. A fault is a miss; no method raises for one."""

    async def read(self) -> SharedEntry | None:
        """Return the answer that is held and that no revocation touches."""

    async def claim(self) -> bool:
        """Tell whether this process is to ask the authority; False while another one does. True at a fault."""

    async def release(self) -> None:
        """Let other processes ask: the claim was not answered with something to share."""

    async def fill(self, held: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus | None:
        """Store an answer for `lifetime` seconds, and return its status; a revoked one is not stored.

        Without `share` it is only made known to revocations. None when nobody can tell.
        """

    async def status_of(self, held: SharedEntry) -> RevocationStatus | None:
        """Return the status of an answer, and store nothing; None when nobody can tell."""

    async def drop(self) -> None:
        """Take the answer away: an authority has said otherwise."""


class SharedTier(Protocol):
    """The tier that processes share."""

    def visit(self, credential: Credential) -> Visit:
        """Begin one look-up."""


class Alone:
    """The shared tier of a process that has none: everything misses, nothing is revoked."""

    def visit(self, credential: Credential) -> Visit:  # noqa: ARG002 - the protocol's
        """Return the visit to nowhere."""
        return _NOWHERE


class _Nowhere:
    async def read(self) -> SharedEntry | None:
        return None

    async def claim(self) -> bool:
        return True

    async def release(self) -> None:
        return None

    async def fill(self, held: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus:  # noqa: ARG002 - the protocol's
        return RevocationStatus.NONE

    async def status_of(self, held: SharedEntry) -> RevocationStatus:  # noqa: ARG002 - the protocol's
        return RevocationStatus.NONE

    async def drop(self) -> None:
        return None


_NOWHERE = _Nowhere()
