"""What the API asks of the processes that serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from gateway.model.session import RevocationTarget
from gateway.telemetry.exposition import Snapshot

RevokeEverywhere = Callable[[RevocationTarget], Awaitable[bool]]
"""Has every process refuse something; false when one, or Redis, could not be told, so that it has to be repeated."""


class PastRevocation(Protocol):
    """What was revoked, and when, in epoch seconds."""

    @property
    def target(self) -> RevocationTarget:
        """Return what was revoked."""

    @property
    def at(self) -> float:
        """Return when."""


class FleetHooks(msgspec.Struct, frozen=True):
    """`revoke` has something refused everywhere, `change` has it looked up again; both tell whether all were reached.

    `recorded` returns the revocations that this gateway remembers, `collect` the metrics of all processes.
    """

    revoke: RevokeEverywhere
    change: RevokeEverywhere
    recorded: Callable[[], Awaitable[Sequence[PastRevocation]]]
    collect: Callable[[], Awaitable[Snapshot]]
