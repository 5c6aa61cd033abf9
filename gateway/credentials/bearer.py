"""Bearer tokens in `Authorization` (RFC 6750 section 2.1)."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field
from typing_extensions import override

from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.values import SettingsModel, StringList

_FIELD = b"authorization"
# the scheme is a token, compared without case (RFC 9110 section 11.1); a longer token is another scheme
_SCHEME = re.compile(r"bearer(?![!#$%&'*+\-.^_`|~0-9A-Za-z])", re.ASCII | re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?i:bearer) +(?P<token>[A-Za-z0-9\-._~+/]+=*)", re.ASCII)  # RFC 6750 section 2.1, b64token


class BearerSettings(SettingsModel):
    """A bearer token in `Authorization`."""

    kind: Literal["bearer"]
    authority: StringList = Field(min_length=1)


class BearerReader(Reader):
    """Reads `Authorization: Bearer <token>`: `parts` is `(token,)`.

    Tokens in query or body (RFC 6750 sections 2.2 and 2.3) are not read, as they would end up in logs.
    """

    kind = CredentialKind.BEARER
    headers = frozenset({_FIELD})
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: BearerSettings, fingerprint: Fingerprint) -> None:
        del settings  # the list of authorities, which is in the fingerprint already
        self.name = name
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the token, `Ambiguous` for two `Authorization` fields, `None` for another scheme or none.

        A malformed token after `Bearer` reads as `UNREADABLE`, which every authority rejects.
        """
        values = access.headers.by_name.get(_FIELD)
        if values is None:
            return None
        try:
            token = _token(only_value(values))
        except RepeatedError:
            return Ambiguous(self.name)
        if not token:
            return None
        parts = (token,)
        return Credential(self.name, self.kind, "", parts, self._fingerprint(parts))

    @override
    def clearing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: clients store tokens by themselves."""
        return ()


def _token(value: str) -> str:
    """Return the token, `UNREADABLE` for a malformed one, empty for another scheme."""
    match = _CREDENTIALS.fullmatch(value)
    if match is not None:
        return match["token"]
    return UNREADABLE if value == UNREADABLE or _SCHEME.match(value) else ""
