"""What a look-up needs of a tier that processes share; no store is known here."""

from __future__ import annotations

from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.model.answers import Found, Rejected
from gateway.model.credential import Credential
from gateway.sessions.revocation import RevocationStatus


class SharedEntry(msgspec.Struct, frozen=True):
    """A shared answer: the session, the authority that said so, and how many seconds ago it was asked."""

    found: Found
    authority: str
    age: float


class SharedRejection(msgspec.Struct, frozen=True):
    """What the holder of a claim learnt: the rejection, the authority that gave it, and how many seconds ago."""

    rejected: Rejected
    authority: str
    age: float


class SharedLookup(Protocol):
    """Everything that one look-up does in the shared tier. A fault is a miss; no method raises for one."""

    async def read(self) -> SharedEntry | SharedRejection | None:
        """Return the stored answer, unless it is revoked or changed; else the rejection that came with a claim."""

    async def claim(self, *, force: bool = False) -> bool:
        """Tell whether this process is to ask the authority; False while another one does. True at a fault.

        With `force` the claim is taken whoever has it.
        """

    async def release(self) -> None:
        """Let other processes ask: this one has no answer to share."""

    async def reject(self, rejected: Rejected, authority: str, *, lifetime: float) -> None:
        """Tell the processes that wait for this one's claim, and for `lifetime` seconds at most those that come."""

    async def fill(self, shared_entry: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus | None:
        """Store an answer for `lifetime` seconds, and return its status; a revoked one is not stored.

        Without `share` it is only made known to revocations. None when the status cannot be read.
        """

    async def status_of(self, shared_entry: SharedEntry) -> RevocationStatus | None:
        """Return the status of an answer, and store nothing; None when it cannot be read."""

    async def drop(self) -> None:
        """Delete the stored answer, because an authority rejected the credential."""


class SharedTier(Protocol):
    """The tier that processes share."""

    def lookup(self, credential: Credential) -> SharedLookup:
        """Begin one look-up."""


class NoSharedTier(SharedTier):
    """The shared tier of a process that has no Redis: everything misses, nothing is revoked."""

    @override
    def lookup(self, credential: Credential) -> SharedLookup:
        return _NO_LOOKUP


class _NoSharedLookup(SharedLookup):
    @override
    async def read(self) -> SharedEntry | None:
        return None

    @override
    async def claim(self, *, force: bool = False) -> bool:
        return True

    @override
    async def release(self) -> None:
        return None

    @override
    async def reject(self, rejected: Rejected, authority: str, *, lifetime: float) -> None:
        return None

    @override
    async def fill(self, shared_entry: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus:
        return RevocationStatus.NONE

    @override
    async def status_of(self, shared_entry: SharedEntry) -> RevocationStatus:
        return RevocationStatus.NONE

    @override
    async def drop(self) -> None:
        return None


_NO_LOOKUP = _NoSharedLookup()
