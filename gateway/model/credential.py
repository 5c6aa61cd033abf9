"""What the caller showed."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class CredentialKind(StrEnum):
    """The kinds of credential; also the values of `X-Auth-Method`."""

    API_KEY = "api_key"
    BEARER = "bearer"
    COOKIE = "cookie"
    TOKEN_PAIR = "token_pair"  # noqa: S105 - the name of a kind, not a secret


class Credential(msgspec.Struct, frozen=True, gc=False, repr_omit_defaults=True):
    """One credential, read and not yet looked up.

    `reader` is the config's name for the reader that found it; `key_type` is what the reader says of an API key
    (`project`, `user`, `organization`), else empty. `parts` are the secret parts in the kind's order: `(key,)`,
    `(token,)`, `(cookie value,)`, `(user id, token)` and, where the reader names a session header, a third, the
    session id. `fingerprint` is the keyed hash that names it in caches and logs.
    """

    reader: str
    kind: CredentialKind
    key_type: str
    parts: tuple[str, ...]
    fingerprint: bytes

    def __repr__(self) -> str:
        """Never show a secret: reprs end up in logs and exception texts."""
        return (
            f"Credential(reader={self.reader!r}, kind={self.kind.value!r}, fingerprint={self.fingerprint[:4].hex()}…)"
        )

    __str__ = __repr__


class Ambiguous(msgspec.Struct, frozen=True):
    """A credential that cannot be read without choosing (a header or cookie that is repeated). Answered 401."""

    reader: str


Reading = Credential | Ambiguous | None
"""What a reader makes of a request: a credential, one too many, or nothing of its kind (half a pair is nothing)."""
