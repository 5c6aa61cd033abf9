"""The values of a records file: ids, texts, instants and lists, each with what it may be."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.directory.stored import FIRST_MOMENT, LAST_MOMENT

_INSTANT = "a time is RFC 3339 with a time zone, quoted or not: 2024-12-19T15:30:00Z"
_ID = re.compile(r"[!-~]{1,255}")
_MAX_INTEGER = 2**31 - 1  # PostgreSQL's integer


def _instant(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(_INSTANT)  # noqa: TRY004 - pydantic makes a problem of a ValueError, a crash of a TypeError
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(_INSTANT) from None
    if instant.tzinfo is None:
        raise ValueError(_INSTANT)
    if not FIRST_MOMENT <= instant <= LAST_MOMENT:
        raise ValueError("is no instant between the years 1 and 9999")
    return instant.astimezone(UTC)


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("an id is 1 to 255 printable ASCII characters without spaces")
    return value


def _text(value: str) -> str:
    if "\0" in value:  # PostgreSQL cannot hold it
        raise ValueError("holds a NUL character")
    return value


def as_tuple(value: object) -> object:
    """Return a list as a tuple, and anything else as it is; strict validation takes no list for a tuple."""
    return tuple(value) if isinstance(value, list) else value


RecordInstant = Annotated[datetime, BeforeValidator(_instant)]
Id = Annotated[str, AfterValidator(_id)]
RecordText = Annotated[str, AfterValidator(_text)]
TextList = Annotated[tuple[RecordText, ...], BeforeValidator(as_tuple)]
AutoId = Annotated[int, Field(ge=1, le=_MAX_INTEGER)]
Objects = Annotated[tuple[dict[str, Any], ...], BeforeValidator(as_tuple)]
