"""What can be ended before its time."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class RevocationKind(StrEnum):
    """What kind of thing was ended; also the keys of `POST /revoke`."""

    SESSION = "session"
    USER = "user"
    API_KEY = "api_key"
    ORGANIZATION = "organization"
    CREDENTIAL = "credential"


class RevocationTarget(msgspec.Struct, frozen=True):
    """Something of the directory's, or of a foreign authority's, that no longer counts; `id` is its own id.

    For a `credential`, `id` is its fingerprint in hexadecimal.
    """

    kind: RevocationKind
    id: str
