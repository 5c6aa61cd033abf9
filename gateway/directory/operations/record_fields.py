"""The types of the fields of records that operations take, and the check of a whole record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from gateway.directory.stored import FIRST_MOMENT, LAST_MOMENT
from gateway.model.errors import InvalidRecordError

ExpectedVersion = str | frozenset[str]
"""The version of the row that a change is meant for, or several of which it is one."""

RowId = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,255}$(?!\n)", description="1 to 255 printable ASCII characters")]
"""`$` alone would let a last newline through in Python."""

FieldText = Annotated[str, msgspec.Meta(pattern=r"^[^\u0000]*$", max_length=1024)]
"""PostgreSQL cannot hold a NUL."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant; `checked` bounds it."""

Texts = Annotated[tuple[FieldText, ...], msgspec.Meta(max_length=256)]

NewRecord = TypeVar("NewRecord", bound=msgspec.Struct)


def checked(record: NewRecord) -> NewRecord:
    """Return the record if its fields are what their types say; raises InvalidRecordError.

    Who decodes a record from JSON has this done, who makes one in Python has not.
    """
    try:
        converted = msgspec.convert(msgspec.to_builtins(record, builtin_types=(datetime,)), type(record))
    except msgspec.ValidationError as fault:
        raise InvalidRecordError(reworded(str(fault))) from None
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, datetime) and not FIRST_MOMENT <= value <= LAST_MOMENT:
            raise InvalidRecordError(f"{name}: no instant between the years 1 and 9999")
    return converted


def reworded(fault: str) -> str:
    """Return msgspec's text with the field first."""
    text, _, place = fault.partition(" - at `$.")
    return f"{place.rstrip('`')}: {text[:1].lower()}{text[1:]}" if place else fault
