from __future__ import annotations

import asyncio
from datetime import datetime

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.model.answers import Found, Reason, Rejected, Resolution
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.activity import Activity
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import NOW, Clock, found, instant, key_session


class Directory:
    """Holds what was written; fails while `broken`."""

    def __init__(self) -> None:
        self.written: asyncio.Queue[tuple[str, datetime]] = asyncio.Queue()
        self.broken = False

    async def note(self, session_id: str, at: datetime) -> None:
        self.written.put_nowait((session_id, at))
        if self.broken:
            raise ConnectionError("down")


def seen(number: int = 1, authority: str = "accounts") -> Resolution:
    return Resolution(answer=found(number), authority=authority)


async def test_a_session_is_noted_at_most_once_a_minute() -> None:
    directory, keeper, clock = Directory(), TaskKeeper(), Clock()
    activity = Activity({"accounts": directory.note}, ResolutionMetrics(CollectorRegistry()), clock)
    for seconds in (0, 1, 59, 60, 61):
        clock.now = NOW + seconds
        activity.record(seen(), 7.0 + seconds)
    activity.record(seen(2), 7.0 + 61)
    keeper.start(activity.run(), "work")
    written = [await directory.written.get() for _ in range(3)]
    assert written == [("session-1", instant(NOW)), ("session-1", instant(NOW + 60)), ("session-2", instant(NOW + 61))]
    await keeper.aclose()
    assert directory.written.empty()


async def test_only_what_an_authority_keeps_itself_is_noted() -> None:
    directory = Directory()
    activity = Activity({"accounts": directory.note}, ResolutionMetrics(CollectorRegistry()), Clock())
    activity.record(seen(authority="remote"), NOW)
    activity.record(Resolution(answer=Found(key_session()), authority="accounts"), NOW)
    activity.record(Resolution(answer=Rejected(Reason.UNKNOWN), authority="accounts"), NOW)
    activity.record(Resolution(), NOW)
    assert activity._queue.empty()


async def test_a_note_that_fails_is_logged_and_the_next_is_tried() -> None:
    directory, keeper = Directory(), TaskKeeper()
    directory.broken = True
    activity = Activity({"accounts": directory.note}, ResolutionMetrics(CollectorRegistry()), Clock())
    with capture_logs() as lines:
        keeper.start(activity.run(), "work")
        for number in (1, 2):
            activity.record(seen(number), NOW)
        assert [(await directory.written.get())[0] for _ in range(2)] == ["session-1", "session-2"]
        await keeper.aclose()
    assert lines[0]["event"] == "activity_write_failed"
    assert "session-1" not in repr(lines)


async def test_a_full_queue_drops_notes_and_counts_them() -> None:
    registry = CollectorRegistry()
    activity = Activity({"accounts": Directory().note}, ResolutionMetrics(registry), Clock())
    for number in range(1100):
        activity.record(seen(number), NOW)
    assert registry.get_sample_value("gateway_activity_dropped_total") == 100


async def test_what_is_remembered_is_bounded() -> None:
    activity = Activity({"accounts": Directory().note}, ResolutionMetrics(CollectorRegistry()), Clock(), limit=10)
    for number in range(100):
        activity.record(seen(number), NOW)
    assert len(activity._last_queued) == 10
