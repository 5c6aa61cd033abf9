"""What can be ended before its time."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class EndedKind(StrEnum):
    """What kind of thing was ended; also the keys of `POST /revoke`."""

    SESSION = "session"
    USER = "user"
    API_KEY = "api_key"
    ORGANIZATION = "organization"
    CREDENTIAL = "credential"


class Ended(msgspec.Struct, frozen=True):
    """Something of the directory's, or of a foreign authority's, that no longer counts; `id` is its own id.

    For a `credential`, `id` is its fingerprint in hexadecimal.
    """

    kind: EndedKind
    id: str
