"""What the gate asks of whoever resolves credentials."""

from __future__ import annotations

from typing import Protocol

from gateway.model.credential import Credential
from gateway.model.resolution import Resolution


class Resolves(Protocol):
    """Turns a credential into a Resolution; never raises for a fault of a tier or an authority."""

    async def resolve(self, credential: Credential) -> Resolution:
        """Return whose session this is, from the nearest tier that may say so."""

    async def look(self, credential: Credential) -> Resolution:
        """Resolve without leaving a trace: no fills, no activity. For `explain`."""
