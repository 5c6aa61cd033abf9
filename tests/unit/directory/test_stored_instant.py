from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from gateway.directory.stored_instant import StoredInstant

DIALECT = sqlite.dialect()


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_to_the_microsecond(instant: datetime) -> None:
    stored = StoredInstant().process_bind_param(instant, DIALECT)
    assert StoredInstant().process_result_value(stored, DIALECT) == instant


def test_an_instant_is_the_same_in_every_zone_and_sorts() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    stored = StoredInstant().process_bind_param(noon, DIALECT)
    assert stored == 1_767_268_800_000_000
    assert StoredInstant().process_bind_param(noon.astimezone(timezone(timedelta(hours=5))), DIALECT) == stored
    with pytest.raises(TypeError):
        StoredInstant().process_bind_param(datetime(2026, 1, 1), DIALECT)  # noqa: DTZ001 - the time zone that is missing
    assert StoredInstant().process_bind_param(None, DIALECT) is None
