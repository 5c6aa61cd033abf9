from __future__ import annotations

from gateway.sessions.times import CacheTimes


def test_nothing_kept_outlives_what_is_remembered_of_changes() -> None:
    for times in (CacheTimes(), CacheTimes(stale=0.0), CacheTimes(fresh=0.0, stale=0.0)):
        assert times.changed > times.longest >= 2 * times.fresh
        assert times.longest >= times.stale


def test_jitter_only_shortens() -> None:
    assert CacheTimes(fresh=60.0, jitter=0.1).surely_fresh == 54.0
    assert CacheTimes(fresh=60.0, jitter=0.0).surely_fresh == 60.0
