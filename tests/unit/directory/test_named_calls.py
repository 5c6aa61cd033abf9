from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.directory.named_calls import NamedCalls
from tests.support.builders.directory import opened

NOW = datetime(2026, 12, 1, tzinfo=UTC)


async def test_the_oldest_names_go_first(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        calls = NamedCalls(directory, ttl=60.0, most=2)
        for number in range(4):
            async with calls.naming(str(number), "digest", NOW + timedelta(seconds=number)).changing():
                pass
        found = [await calls.find(str(number), NOW) for number in range(4)]
    assert [each is not None for each in found] == [False, False, True, True]
