"""What every kind of authority is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from gateway.model.answers import Answer, Found, Rejected, Unavailable
from gateway.model.credential import Credential

_DIGEST_BYTES = 16


class Authority(Protocol):
    """Says whose credential this is.

    `name` is the config's. `verdict_digest` is made by the function of that name. The answers of a `memory_only`
    authority are not shared: a signed token is verified as quickly as Redis is asked, and an answer in Redis would
    outlive the key that signed the token.
    """

    name: str
    verdict_digest: bytes
    memory_only: bool

    def disowns(self, credential: Credential) -> bool:  # noqa: ARG002 - for those who can tell
        """Tell, by the credential alone, that it is another's; what cannot be told so is looked up.

        It is asked of an authority that cannot be reached too: its outage concerns its own credentials.
        """
        return False

    def unclaimed_because(self, credential: Credential) -> str:  # noqa: ARG002 - for those who can tell
        """Return what tells a credential that nobody claimed from this authority's own, for the log; or nothing."""
        return ""

    async def look_up(self, credential: Credential) -> Answer:
        """Return Found, Rejected, Unavailable, or None for a credential that is not this authority's.

        A fault of the authority is `Unavailable`; nothing is raised for it.
        """

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return another session of the user whose credential this is, logged-out ones included.

        `Rejected(gone)` when there is none of that id, or it is somebody else's.
        """

    async def close(self) -> None:
        """Close connections; called once, after the last look-up."""


@runtime_checkable
class NotesActivity(Protocol):
    """An authority that stores sessions itself, and so can store when they were last in use."""

    async def note_activity(self, session_id: str, at: datetime) -> None:
        """Store that a session was in use. Raises GatewayError when it cannot."""


def verdict_digest(kind: str, *settings: str | float | Sequence[str] | dict[str, Any] | None) -> bytes:
    """Return 16 bytes that differ when the kind or any of `settings` does.

    `settings` are all those that can change a verdict (url, issuer, audience, algorithms, claim map, client id). The
    digest is part of every cache key, so that an answer given under one audience is not served under another. JSON
    keeps the settings apart, so that no two run into one.
    """
    encoded = msgspec.json.encode([kind, *settings], order="deterministic")
    return hashlib.blake2b(encoded, digest_size=_DIGEST_BYTES).digest()
