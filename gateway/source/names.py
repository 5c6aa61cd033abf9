"""Names of header fields and cookies, and URL paths, in a config."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from gateway.model.errors import MalformedError
from gateway.model.target import parse_target
from gateway.source.values import SecretByName, SecretFiles

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_FIELD_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_LONGEST = 128
"""Characters, more than any real name has."""

_FRAMING = frozenset(
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
"""Fields that frame or route a message, so that they can hold neither a credential nor an identity."""


def is_token(value: str) -> bool:
    """Tell whether `value` is a token (RFC 9110 section 5.6.2) of a sensible length."""
    return _TOKEN.fullmatch(value) is not None and len(value) <= _LONGEST


def _field_name(value: str) -> str:
    if not is_token(value):
        raise ValueError("a header name is letters, digits and dashes: X-Api-Key")
    if value.lower() in _FRAMING:
        raise ValueError(f"{value} frames the message, it cannot carry anything else")
    return value


def _cookie_name(value: str) -> str:
    if not is_token(value):
        raise ValueError("a cookie name is letters, digits, dashes and underscores: __session")
    return value


FieldName = Annotated[str, AfterValidator(_field_name)]
"""A header field's name, a token (RFC 9110 section 5.6.2), as the config writes it."""


def _field_value(value: SecretStr) -> SecretStr:
    """Check the value of a field that is set; raises ValueError, whose text does not show it."""
    if not _FIELD_VALUE.fullmatch(value.get_secret_value()):
        raise ValueError("a field's value is printable ASCII without a blank at either end")
    return value


FixedFields = Annotated[dict[FieldName, Annotated[SecretByName, AfterValidator(_field_value)]], SecretFiles]
"""Header fields with their values, each of which may be in a file (`NAME_file`)."""

CookieName = Annotated[str, AfterValidator(_cookie_name)]
"""A cookie's name, a token too (RFC 6265 section 4.1.1); case counts."""


def _path(value: str) -> str:
    """Check that the path is in the canonical form that requests are matched by."""
    try:
        target = parse_target(value)
    except MalformedError as error:
        raise ValueError(f"can never match: {error}") from None
    if target.query is not None:
        raise ValueError("a query takes no part in matching: leave it out")
    if target.match != value:
        raise ValueError(f"can never match, since paths are compared in their canonical form: {target.match}")
    return value


def _prefix(value: str) -> str:
    """Check a path prefix, and return it without its trailing slash."""
    return _path(value).removesuffix("/") if value else value


CanonicalPath = Annotated[str, AfterValidator(_path)]
"""A path in the canonical form that requests are matched by."""

PathPrefix = Annotated[str, AfterValidator(_prefix)]
"""A canonical path without a trailing slash, or an empty string."""
