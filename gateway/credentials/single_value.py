"""How every reader takes one value out of a request: once, or not at all.

A value is readable when it is printable ASCII. Whatever else a caller shows (control bytes, bytes that are not ASCII)
was shown all the same, so it must not pass for nobody; yet no authority should have to survive it, in a header it
sends, a query or a log. Such a value reads as `UNREADABLE`, which no issuer hands out: it is unknown to every
authority, and all garbage is one negative cache entry instead of many.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNREADABLE = "(unreadable)"
"""What unreadable bytes read as: safe in any header, and never a token, since RFC 6750 allows no parentheses."""

_READABLE = re.compile(rb"[ -~]*")


class RepeatedError(ValueError):
    """A value is there more than once, and to read it would be to choose."""


def value_of(raw: bytes) -> str:
    """Return `raw` without the white space around it; empty for nothing, `UNREADABLE` for what is not ASCII text.

    Only space and tab are white space (RFC 9110 section 5.6.3). Never raises.
    """
    trimmed = raw.strip(b" \t")
    return trimmed.decode("ascii") if _READABLE.fullmatch(trimmed) else UNREADABLE


def only_value(values: Sequence[bytes]) -> str:
    """Return the one value among `values`, empty when there is none.

    Raises RepeatedError for two, even where they are equal or one is empty: the next reader of the same request may
    take the other (THREATS section 4).
    """
    if not values:
        return ""
    if len(values) > 1:
        raise RepeatedError
    return value_of(values[0])
