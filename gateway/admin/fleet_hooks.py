"""What the API asks of the processes that serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from gateway.admin.admin_revoke import RevokeEverywhere
from gateway.model.session import RevocationTarget
from gateway.telemetry.exposition import Snapshot


class PastRevocation(Protocol):
    """What was revoked, and when, in epoch seconds."""

    @property
    def target(self) -> RevocationTarget:
        """Return what was revoked."""

    @property
    def at(self) -> float:
        """Return when."""


class FleetHooks(msgspec.Struct, frozen=True):
    """`revoke` ends something everywhere, `change` has it looked up again; both tell whether everybody was reached.

    `recorded` are the revocations that this process remembers, `collect` the metrics of all processes.
    """

    revoke: RevokeEverywhere
    change: RevokeEverywhere
    recorded: Callable[[], Sequence[PastRevocation]]
    collect: Callable[[], Awaitable[Snapshot]]
