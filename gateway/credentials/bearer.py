"""Bearer tokens in `Authorization` (RFC 6750 section 2.1)."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from gateway.credentials.reader import Fingerprint
from gateway.credentials.single_value import UNREADABLE, RepeatedError, only_value
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.values import SettingsModel, StringList

_FIELD = b"authorization"
# The scheme is a token, compared without case (RFC 9110 section 11.1). A longer scheme that only begins so is another.
_OUR_SCHEME = re.compile(r"bearer(?![!#$%&'*+\-.^_`|~0-9A-Za-z])", re.ASCII | re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?i:bearer) +(?P<token>[A-Za-z0-9\-._~+/]+=*)", re.ASCII)  # RFC 6750 section 2.1, b64token


class BearerSettings(SettingsModel):
    """A bearer token in `Authorization`."""

    kind: Literal["bearer"]
    authority: StringList = Field(min_length=1)


class BearerReader:
    """Reads `Authorization: Bearer <token>`: `parts` is `(token,)`.

    Tokens by query or body (RFC 6750 sections 2.2 and 2.3) are not read: they end in logs.
    """

    kind = CredentialKind.BEARER
    headers = frozenset({_FIELD})
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: BearerSettings, fingerprint: Fingerprint) -> None:
        del settings  # says only which authorities are asked, and they are in the fingerprint
        self.name = name
        self._fingerprint = fingerprint

    def read(self, access: AccessRequest) -> Reading:
        """Return the token, `Ambiguous` for two `Authorization` fields, `None` for another scheme or none.

        What says `Bearer` and is no token was shown, and is one that no authority knows.
        """
        shown = access.headers.by_name.get(_FIELD)
        if shown is None:
            return None
        try:
            token = _token(only_value(shown))
        except RepeatedError:
            return Ambiguous(self.name)
        if not token:
            return None
        parts = (token,)
        return Credential(self.name, self.kind, "", parts, self._fingerprint(parts))

    def clearing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: clients keep tokens by themselves."""
        return ()


def _token(shown: str) -> str:
    """Return the token, `UNREADABLE` for a broken one, empty for another scheme."""
    found = _CREDENTIALS.fullmatch(shown)
    if found is not None:
        return found["token"]
    return UNREADABLE if shown == UNREADABLE or _OUR_SCHEME.match(shown) else ""
