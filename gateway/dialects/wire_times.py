"""Instants and ids in JSON, with their schemas in the OpenAPI document.

RFC 3339 in UTC with `Z`. msgspec writes a datetime so by itself, without a fraction when that is zero; the products
that come from JavaScript always write milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta

NonEmptyText = Annotated[str, Meta(min_length=1)]
"""An id. An empty one from a remote would make one user of all its callers."""

WireInstant = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
"""An instant without a fraction when that is zero. One without an offset is not decoded: it would be a guess."""

Milliseconds = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""An instant with milliseconds."""


_encoder = msgspec.json.Encoder()
_MEMO_SIZE = 4096
"""Instants whose text is remembered: those of the sessions in constant use."""

_WHOLE_SECONDS = len('"2023-05-16T14:30:00Z"')


@lru_cache(maxsize=_MEMO_SIZE)
def milliseconds(instant: datetime) -> str:
    """Format an aware datetime like JavaScript's `toISOString`: `2023-05-16T14:30:00.000Z`.

    It goes by way of msgspec, whose JSON is either `"2023-05-16T14:30:00Z"` or has six digits of a fraction: that takes
    a third of the time of `isoformat`.
    """
    text = _encoder.encode(utc(instant)).decode("ascii")
    return f"{text[1:20]}.{text[21:24]}Z" if len(text) > _WHOLE_SECONDS else f"{text[1:20]}.000Z"


def maybe_milliseconds(instant: datetime | None) -> str | None:
    """Format an instant that need not be there."""
    return None if instant is None else milliseconds(instant)


def parse_instant(text: str) -> datetime:
    """Read RFC 3339 with an offset, and return it in UTC; raises msgspec.ValidationError."""
    return utc(msgspec.convert(text, WireInstant))


def maybe_parse_instant(text: str | None) -> datetime | None:
    """Read an instant that need not be there; raises msgspec.ValidationError."""
    return None if text is None else parse_instant(text)


def utc(instant: datetime) -> datetime:
    """Return the same instant in UTC, which is what msgspec writes as `Z`."""
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def maybe_utc(instant: datetime | None) -> datetime | None:
    """Return the same instant in UTC, if there is one."""
    return None if instant is None else utc(instant)
