"""What every kind of credential reader is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.model.credential import CredentialKind, Reading
from gateway.model.decision import AccessRequest

Fingerprint = Callable[[tuple[str, ...]], bytes]
"""Secret parts -> keyed hash; made per reader, so that it also stands for the reader and its authorities."""


class Reader(Protocol):
    """Finds one kind of credential in a request. Pure: no look-up, no I/O.

    `headers` are the lower-case names of the fields that carry it and `cookies` the cookie names: both are removed
    before a request is forwarded, used or not.
    """

    name: str
    kind: CredentialKind
    headers: frozenset[bytes]
    cookies: frozenset[bytes]

    def read(self, access: AccessRequest) -> Reading:
        """Return the credential, `Ambiguous` when it is repeated, or `None` when it is not there or only half."""

    def clearing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return the header fields that make a client forget a bad credential (cookies), or nothing."""
