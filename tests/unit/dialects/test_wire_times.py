from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from gateway.dialects.wire_times import (
    maybe_milliseconds,
    maybe_parse_instant,
    maybe_utc,
    milliseconds,
    parse_instant,
    utc,
)

INSTANT = datetime(2023, 5, 16, 14, 30, 0, 202_999, tzinfo=UTC)


def test_milliseconds_are_always_three_digits_and_utc() -> None:
    assert milliseconds(INSTANT) == "2023-05-16T14:30:00.202Z"
    assert milliseconds(INSTANT.replace(microsecond=0)) == "2023-05-16T14:30:00.000Z"
    east = INSTANT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert milliseconds(east) == "2023-05-16T14:30:00.202Z"


def test_an_instant_is_read_with_any_offset() -> None:
    assert parse_instant("2023-05-16T20:00:00.202999+05:30") == INSTANT
    assert msgspec.json.encode(parse_instant("2023-05-16T20:00:00+05:30")) == b'"2023-05-16T14:30:00Z"'


@pytest.mark.parametrize("text", ["", "2023-05-16", "2023-05-16T14:30:00", "2023-13-16T14:30:00Z", "yesterday"])
def test_what_is_no_instant_is_not_guessed_at(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse_instant(text)


def test_nothing_stays_nothing() -> None:
    assert (maybe_milliseconds(None), maybe_parse_instant(None), maybe_utc(None)) == (None, None, None)
    assert maybe_milliseconds(INSTANT) == milliseconds(INSTANT)
    assert maybe_utc(INSTANT) == utc(INSTANT) == INSTANT
