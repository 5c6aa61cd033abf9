"""Lists come in pages: each but the last has a cursor, which asks for the next one."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from typing import Annotated, Generic, TypeVar

import msgspec

from gateway.model.errors import InvalidRecordError

PAGE_LIMIT = 500
"""The most rows of one page."""

Listed = TypeVar("Listed")


class PageOrder(msgspec.Struct, frozen=True):
    """Which page is wanted: from the beginning, or after the one whose `cursor` this is; at most `limit` rows."""

    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 100


FIRST_PAGE = PageOrder()


class Page(msgspec.Struct, Generic[Listed], frozen=True, omit_defaults=True):
    """Rows in a lasting order; `cursor` is absent on the last page."""

    rows: tuple[Listed, ...]
    cursor: str | None = None


def cursor_after(key: str) -> str:
    """Return the cursor of a page whose last row has this key."""
    return urlsafe_b64encode(key.encode("utf-8", "surrogatepass")).decode("ascii").rstrip("=")


def key_of(order: PageOrder) -> str | None:
    """Return the key after which the page begins, None for the first page; raises InvalidRecordError."""
    if not 1 <= order.limit <= PAGE_LIMIT:
        raise InvalidRecordError(f"limit: a page has 1 to {PAGE_LIMIT} rows")
    if order.cursor is None:
        return None
    try:
        padded = order.cursor + "=" * (-len(order.cursor) % 4)
        return b64decode(padded, altchars=b"-_", validate=True).decode("utf-8")
    except ValueError:
        raise InvalidRecordError("cursor: is not one of this list") from None
