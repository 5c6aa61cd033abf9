"""Instants as the directory stores them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class StoredInstant(TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds since 1970-01-01T00:00:00Z.

    SQLite has no type for instants and PostgreSQL's answers in the connection's time zone; a number is the same in
    both, exact, and sorts.
    """

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return microseconds; raises TypeError for a datetime without a time zone."""
        return None if value is None else microseconds(value)

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def microseconds(instant: datetime) -> int:
    """Return an instant as it is stored; raises TypeError for a datetime without a time zone."""
    return (instant - _EPOCH) // _MICROSECOND
