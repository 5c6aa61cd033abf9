from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from gateway.directory.records import LoginRecord


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-12-19T15:30:00Z", datetime(2024, 12, 19, 15, 30, tzinfo=UTC)),
        ("2023-05-23T16:33:45.202Z", datetime(2023, 5, 23, 16, 33, 45, 202_000, tzinfo=UTC)),
        ("2024-12-19T17:30:00+02:00", datetime(2024, 12, 19, 15, 30, tzinfo=UTC)),
    ],
)
def test_times_are_instants_in_utc(written: str, meant: datetime) -> None:
    read = LoginRecord.model_validate({"at": written}).at
    assert (read, read.tzinfo) == (meant, UTC)


@pytest.mark.parametrize("written", ["2024-12-19T15:30:00", "2024-12-19", "yesterday", "", 1_700_000_000, None, True])
def test_a_time_without_its_zone_is_no_instant(written: object) -> None:
    with pytest.raises(ValidationError, match="RFC 3339 with a time zone"):
        LoginRecord.model_validate({"at": written})


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_no_other_zone_can_write_is_a_problem(written: str) -> None:
    with pytest.raises(ValidationError, match="no instant between the years 1 and 9999"):
        LoginRecord.model_validate({"at": written})
