"""What every kind of authority is."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from gateway.model.answers import Answer, Found, Rejected, Unavailable
from gateway.model.credential import Credential
from gateway.model.session import RevocationTarget


class Authority(Protocol):
    """Says whose credential this is.

    `name` is the config's. `verdict_digest` is a digest of every setting that can change a verdict (url, issuer,
    audience, algorithms, claim map, client id): it is part of the cache key, so that an answer given under other
    settings is never served. `memory_only` tells that its answers are kept in this process alone: a signed token is
    verified as quickly as Redis is asked, and what lies in Redis would outlive the key that signed it.
    """

    name: str
    verdict_digest: bytes
    memory_only: bool

    async def look_up(self, credential: Credential) -> Answer:
        """Return Found, Rejected, Unavailable, or None for a credential that is not this authority's.

        Faults of the authority are `Unavailable`; it does not raise for them.
        """

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return another session of the user whose credential this is, logged-out ones included.

        `Rejected(gone)` when there is none of that id, or it is somebody else's.
        """

    async def close(self) -> None:
        """Give back connections; called once, after the last look-up."""


@runtime_checkable
class NotesActivity(Protocol):
    """An authority that keeps sessions itself, and so is told when they were last in use."""

    async def note_activity(self, session_id: str, at: datetime) -> None:
        """Note that a session was in use."""


@runtime_checkable
class MarksEnded(Protocol):
    """An authority that keeps sessions or keys itself, and so can remember for good that one was ended."""

    async def mark_ended(self, ended: RevocationTarget) -> None:
        """Mark what `ended` stands for; what it does not know is no error. Raises GatewayError when it cannot."""
