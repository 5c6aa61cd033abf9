"""When a session was last active, noted now and then and off the request's path."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from gateway.model.resolution import Resolution
from gateway.telemetry.resolution_metrics import ResolutionMetrics

Note = Callable[[str, datetime], Awaitable[None]]
"""Session id and instant -> noted; a directory's."""

_log = structlog.get_logger(__name__)


class Activity:
    """Notes a session at most once in `interval` seconds, through a bounded queue that `work` empties.

    `notes` by authority's name: only an authority that keeps sessions itself is told. A full queue drops the note; the
    next request a minute later brings another. Run `work` in a task.
    """

    def __init__(
        self, notes: Mapping[str, Note], metrics: ResolutionMetrics, interval: float = 60.0, limit: int = 100_000
    ) -> None:
        self._notes = notes
        self._metrics = metrics
        self._interval = interval
        self._limit = limit
        self._noted: dict[tuple[str, str], float] = {}
        self._queue: asyncio.Queue[tuple[str, str, float]] = asyncio.Queue(1000)

    def saw(self, resolution: Resolution, now: float) -> None:
        """Take note of a request of this session at `now` (epoch seconds); does not wait."""
        if resolution.authority not in self._notes:
            return
        session = resolution.session
        if session is None or session.id is None:
            return
        key = (resolution.authority, session.id)
        if now - self._noted.get(key, 0.0) < self._interval:
            return
        self._noted.pop(key, None)
        self._noted[key] = now
        if len(self._noted) > self._limit:
            del self._noted[next(iter(self._noted))]
        try:
            self._queue.put_nowait((*key, now))
        except asyncio.QueueFull:
            self._metrics.activity_dropped()

    async def work(self) -> None:
        """Note what was seen, one after the other, until cancelled."""
        while True:
            authority, session_id, at = await self._queue.get()
            try:
                await self._notes[authority](session_id, datetime.fromtimestamp(at, UTC))
            except Exception as error:  # noqa: BLE001 - a note that fails is only a note; the next is tried
                _log.warning("last activity was not noted", authority=authority, why=type(error).__name__)
