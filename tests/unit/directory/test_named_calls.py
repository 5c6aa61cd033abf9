from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.directory.named_calls import NamedCall, NamedCalls
from gateway.directory.store import Directory
from gateway.directory.tables import METADATA
from gateway.model.errors import ClashError

NOW = datetime(2026, 12, 1, tzinfo=UTC)


async def test_a_name_is_written_with_its_change_and_never_twice(tmp_path: Path) -> None:
    directory = Directory.open(f"sqlite:///{tmp_path}/directory.db")
    try:
        async with directory.changing() as connection:
            await connection.run_sync(METADATA.create_all)
        calls = NamedCalls(directory, ttl=60.0, most=2)
        async with calls.naming("one", "digest", NOW).changing():
            assert await calls.find("one", NOW) is None
        assert await calls.find("one", NOW) == NamedCall("digest", None)
        with pytest.raises(ClashError):
            async with calls.naming("one", "other", NOW).changing():
                pass
        await calls.keep("one", b"answer")
        assert await calls.find("one", NOW) == NamedCall("digest", b"answer")
        assert await calls.find("one", NOW + timedelta(seconds=60)) is None
        for number in range(1, 4):
            later = NOW + timedelta(seconds=number)
            async with calls.naming(f"later-{number}", "digest", later).changing():
                pass
        found = [await calls.find(name, NOW) for name in ("one", "later-1", "later-2", "later-3")]
        assert [each is not None for each in found] == [False, False, True, True]
    finally:
        await directory.close()
