"""A reader's list of authorities, asked in turn, each behind its guard."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.authorities.guard import Guard
from gateway.credentials.reader import UNREADABLE
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential
from gateway.resilience.places import Caller


class ChainAnswer(msgspec.Struct, frozen=True):
    """The verdict of a list of authorities, which of them gave it, and whether it may be cached in memory only."""

    verdict: Verdict
    authority: str = ""
    memory_only: bool = False


class Chain:
    """Asks until one claims the credential: *not mine* goes on, any other answer ends the list.

    `Unavailable` ends it too: that authority may be the one that knows the credential as revoked, and the next one
    would not.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = tuple(guards)
        self.memory_only = all(guard.memory_only for guard in guards)

    async def look_up(self, credential: Credential, caller: Caller) -> ChainAnswer:
        """Return the verdict; a credential that no authority claims is `Rejected(unknown)`."""
        for guard in self._guards:
            answer = await guard.look_up(credential, caller)
            if answer is not None:
                return ChainAnswer(answer, guard.name, guard.memory_only)
        return ChainAnswer(Rejected(Reason.UNKNOWN, self._unclaimed_because(credential)))

    def _unclaimed_because(self, credential: Credential) -> str:
        """Return why nobody claims a credential, as far as that shows in it."""
        if UNREADABLE in credential.parts:
            return "not readable, of another form than its reader's, or from a peer that is not trusted"
        return "; ".join(filter(None, [guard.unclaimed_because(credential) for guard in self._guards]))

    async def session_of(
        self, credential: Credential, session_id: str, authority: str, caller: Caller
    ) -> Found | Rejected | Unavailable:
        """Return another session of the same user from the authority that knew the credential (`Resolution.authority`).

        `Rejected(gone)` when there is none.
        """
        for guard in self._guards:
            if guard.name == authority:
                return await guard.session_of(credential, session_id, caller)
        return Rejected(Reason.GONE)
