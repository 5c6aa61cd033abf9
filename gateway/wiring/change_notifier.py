"""Whom a request of ours tells what it has ended or changed in the directory: everybody who may have it cached."""

from __future__ import annotations

from gateway.model.session import RevocationTarget
from gateway.sessions.revoker import Revoker
from gateway.wiring.process import Process


class ChangeNotifier:
    """Tells this generation, and all others by the bus; without one, those of this gateway and its other workers."""

    def __init__(self, revoker: Revoker, process: Process, *, has_bus: bool) -> None:
        self._revoker = revoker
        self._process = process
        self._has_bus = has_bus

    async def __call__(self, target: RevocationTarget, *, ended: bool = False) -> bool:
        """Return whether all were told; `ended` says that it is never valid again."""
        is_told = await (self._revoker.revoke(target) if ended else self._revoker.changed(target))
        if self._has_bus:
            return is_told
        return await self._process.tell_others(target, ended=ended) and is_told
