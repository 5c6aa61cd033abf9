"""Whoever serves the public port: this process, or several others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.config.load import LoadedConfig
from gateway.model.session import RevocationTarget
from gateway.telemetry.merging import Snapshot


class WorkerGroup(Protocol):
    """All of them as one; the first `change` begins to serve."""

    async def change(self, loaded: LoadedConfig) -> None:
        """Have everybody build a generation that knows what was revoked; when all have one, let all serve it.

        Raises GatewayError with what anybody says against it; then everybody serves what was served before.
        """

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End something in every process; true when all of them, and the fleet, were told."""

    async def collect(self) -> Sequence[Snapshot]:
        """Return the metrics of every process that serves."""

    async def renew(self) -> None:
        """Replace every process by a fresh one, one after another, without a moment in which none serves."""

    def serving(self) -> int:
        """Return how many processes serve."""

    def wanted(self) -> int:
        """Return how many processes should serve."""

    def cut(self) -> None:
        """Wait for nobody any more: what is being served is broken off. `drain` returns soon then."""

    async def drain(self, patience: float) -> None:
        """Let requests under way end within `patience` seconds, and end."""
