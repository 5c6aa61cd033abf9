"""When a session was last active, written now and then and off the request's path."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from gateway.model.answers import Found, Resolution
from gateway.telemetry.resolution_metrics import ResolutionMetrics

NoteActivity = Callable[[str, datetime], Awaitable[None]]
"""Writes that the session of this id was in use at this instant; `NotesActivity.note_activity` of an authority."""

_QUEUE_LIMIT = 1000

_log = structlog.get_logger(__name__)


class Activity:
    """Writes a session's activity at most once in `interval` seconds, through a bounded queue that `run` empties.

    `writers` by authority name: only an authority that keeps sessions itself has one. A full queue drops the activity,
    since the session's next request queues it again. At most `limit` sessions are remembered. `clock` is in epoch
    seconds. Start `run` in a task.
    """

    def __init__(
        self,
        writers: Mapping[str, NoteActivity],
        metrics: ResolutionMetrics,
        clock: Callable[[], float],
        *,
        interval: float = 60.0,
        limit: int = 100_000,
    ) -> None:
        self._writers = writers
        self._metrics = metrics
        self._clock = clock
        self._interval = interval
        self._limit = limit
        self._last_queued: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._queue: asyncio.Queue[tuple[str, str, float]] = asyncio.Queue(_QUEUE_LIMIT)

    def record(self, resolution: Resolution, now: float) -> None:
        """Queue a request of this session at `now` (monotonic seconds); does not wait."""
        if resolution.authority not in self._writers:
            return
        answer = resolution.answer
        if not isinstance(answer, Found) or answer.session.id is None:
            return
        key = (resolution.authority, answer.session.id)
        if now - self._last_queued.get(key, -math.inf) < self._interval:
            return
        self._last_queued.pop(key, None)
        self._last_queued[key] = now
        if len(self._last_queued) > self._limit:
            self._last_queued.popitem(last=False)
        try:
            self._queue.put_nowait((*key, self._clock()))
        except asyncio.QueueFull:
            self._metrics.activity_dropped()

    async def run(self) -> None:
        """Write what is queued, one after the other, until cancelled."""
        while True:
            authority, session_id, at = await self._queue.get()
            try:
                await self._writers[authority](session_id, datetime.fromtimestamp(at, UTC))
            except Exception as error:  # noqa: BLE001 - last activity is no answer to anybody; the next one is tried
                _log.warning("activity_write_failed", authority=authority, fault=type(error).__name__)
