"""The names of header fields and cookies, as a config spells them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_LONGEST = 128
"""Ample for any real name; a longer one in a config is a slip of the pen."""

_NOT_OURS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that frame or route a message: to read a credential out of one, or to write one, would break the exchange."""


def _field_name(value: str) -> str:
    if not _TOKEN.fullmatch(value) or len(value) > _LONGEST:
        raise ValueError("a header name is letters, digits and dashes: X-Api-Key")
    if value.lower() in _NOT_OURS:
        raise ValueError(f"{value} frames the message, it cannot carry anything else")
    return value


def _cookie_name(value: str) -> str:
    if not _TOKEN.fullmatch(value) or len(value) > _LONGEST:
        raise ValueError("a cookie name is letters, digits, dashes and underscores: __session")
    return value


FieldName = Annotated[str, AfterValidator(_field_name)]
"""A header field's name, a token (RFC 9110 section 5.6.2), as the config writes it."""

CookieName = Annotated[str, AfterValidator(_cookie_name)]
"""A cookie's name, a token too (RFC 6265 section 4.1.1); case counts."""
