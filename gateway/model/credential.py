"""The credentials that a request can carry."""

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

    `reader` is the config's name for the reader that found it. `key_type` is the type of an API key (`project`, `user`,
    `organization`), else empty. `parts` are the secret parts in the kind's order: `(key,)`, `(token,)`,
    `(cookie value,)`, or `(user id, token)` with a third part, the session id, where the reader names a header for it.
    `fingerprint` is the keyed hash that stands for the credential in caches and logs. `ambient` says that browsers send
    it by themselves though it is no cookie (HTTP Basic).
    """

    reader: str
    kind: CredentialKind
    key_type: str
    parts: tuple[str, ...]
    fingerprint: bytes
    ambient: bool = False

    def __repr__(self) -> str:
        """Leave every secret out: reprs end up in logs and exception texts."""
        return (
            f"Credential(reader={self.reader!r}, kind={self.kind.value!r}, fingerprint={self.fingerprint[:4].hex()}…)"
        )

    __str__ = __repr__


class Ambiguous(msgspec.Struct, frozen=True):
    """A credential that cannot be read without choosing: its header or cookie is repeated. Answered with 401."""

    reader: str


Reading = Credential | Ambiguous | None
"""What a reader finds in a request: a credential, more than one, or none of its kind (half a pair is none)."""


_ANONYMOUS = "anonymous."
"""How the cookie of an anonymous visitor begins (wacht's product profile).

It gives access to nothing, so it is neither signed nor stored, and forging one gains nothing.
"""


def anonymous_cookie(session_id: str) -> str:
    """Return the cookie value of an anonymous visitor."""
    return f"{_ANONYMOUS}{session_id}"


def is_anonymous(cookie: str) -> bool:
    """Tell whether a cookie value is an anonymous visitor's, which counts as no credential."""
    return cookie.startswith(_ANONYMOUS)
