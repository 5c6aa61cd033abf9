"""The schemes of `Authorization` (RFC 9110 section 11.4), and what stands behind one."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from gateway.credentials.reader import UNREADABLE

AUTHORIZATION = b"authorization"

TOKEN68 = r"[A-Za-z0-9\-._~+/]+=*"
"""RFC 9110 section 11.2; the `b64token` of RFC 6750 section 2.1."""
VISIBLE = r"[!-~]+"
"""What products send as a key behind a scheme: one word."""

_NAME_SIGNS = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
_NAME = re.compile(rf"[{_NAME_SIGNS}]{{1,32}}", re.ASCII)


class AuthorizationScheme:
    """One scheme, compared without case (RFC 9110 section 11.1), with one word of the pattern `secret` behind it."""

    def __init__(self, name: str, secret: str) -> None:
        self.name = name.lower()
        scheme = re.escape(name)
        # the scheme is a token; a longer token is another scheme
        self._begins = re.compile(rf"{scheme}(?![{_NAME_SIGNS}])", re.ASCII | re.IGNORECASE)
        self._whole = re.compile(rf"(?i:{scheme}) +(?P<secret>{secret})", re.ASCII)

    def secret_of(self, value: str) -> str:
        """Return what stands behind the scheme, `UNREADABLE` for what is malformed, empty for another scheme."""
        match = self._whole.fullmatch(value)
        if match is not None:
            return match["secret"]
        return UNREADABLE if value == UNREADABLE or self._begins.match(value) else ""


def _scheme_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a scheme is one word: Bearer, Token, ApiKey")
    if value.lower() == "basic":
        raise ValueError("Basic holds a name and a password: kind basic reads it")
    return value


SchemeName = Annotated[str, AfterValidator(_scheme_name)]
"""A scheme of `Authorization` with one word behind it, as the config writes it."""
