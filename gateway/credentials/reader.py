"""What every kind of credential reader is, how it takes one value out of a request, and how a route reads with many.

A value is readable when it is printable ASCII. Any other bytes read as `UNREADABLE`: the caller did send a credential,
so it must not count as none, yet no authority should receive such bytes in a header, a query or a log. No issuer hands
out that value, so every authority rejects it as unknown, and all garbage is one negative cache entry instead of many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.model.route import OnMany

Fingerprint = Callable[[tuple[str, ...]], bytes]
"""Hashes a credential's secret parts with a key; made per reader, so it also stands for the reader's authorities."""

UNREADABLE = "(unreadable)"
"""What unreadable bytes read as: safe in any header, and never a token, since RFC 6750 allows no parentheses."""

_READABLE = re.compile(rb"[ -~]*")


class Reader(Protocol):
    """Finds one kind of credential in a request. Pure: no look-up, no I/O.

    `headers` are the lower-case names of the fields that carry it and `cookies` the cookie names: both are removed
    before a request is forwarded, used or not. `scheme` is that of `Authorization` where there is one, in lower case.
    A reader without headers and cookies cuts what it reads out by `without`; `reads_target` says that it looks there.
    """

    name: str
    kind: CredentialKind
    headers: frozenset[bytes]
    cookies: frozenset[bytes]
    scheme: str = ""
    reads_target: bool = False

    def read(self, access: AccessRequest) -> Reading:
        """Return the credential, `Ambiguous` when it is repeated, or `None` when it is not there or only half."""

    def without(self, access: AccessRequest) -> AccessRequest:
        """Return the request without what this reader reads besides its headers and cookies."""
        return access

    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return the header fields that make a client forget a bad credential (cookies), or nothing.

        With a `host`, those of every scope that a cookie for it and for `path` may have.
        """


class RepeatedError(ValueError):
    """A value is there more than once, and to read it would be to choose."""


def value_of(raw: bytes) -> str:
    """Return `raw` without the white space around it; empty for nothing, `UNREADABLE` for what is not ASCII text.

    Only space and tab are white space (RFC 9110 section 5.6.3). Never raises.
    """
    trimmed = raw.strip(b" \t")
    return trimmed.decode("ascii") if _READABLE.fullmatch(trimmed) else UNREADABLE


def only_value(values: Sequence[bytes]) -> str:
    """Return the one value among `values`, empty when there is none.

    Raises RepeatedError for two, even if they are equal or one is empty: the upstream may read the other one, and so
    act for another caller than the one that was judged.
    """
    if not values:
        return ""
    if len(values) > 1:
        raise RepeatedError
    return value_of(values[0])


def read_one(readers: Sequence[Reader], access: AccessRequest, on_many: OnMany) -> Reading:
    """Read with these readers, in their order and with no other, and return the one credential there is.

    Two credentials are `Ambiguous` unless the route says `on_many: first`. A reader that finds its own credential
    repeated makes the whole request ambiguous, under `first` as well: that setting chooses between kinds, and cannot
    choose between two values of one kind that the upstream may read the other way round.
    """
    found: list[tuple[Reader, Credential]] = []
    for reader in readers:
        reading = reader.read(access)
        if isinstance(reading, Ambiguous):
            return reading
        if reading is not None:
            found.append((reader, reading))
    if len(found) > 1:
        found = _told_apart(found)
    if len(found) > 1 and on_many is OnMany.REJECT:
        # both names: no single reader is at fault, so none may be asked to clear a cookie that is perfectly good
        return Ambiguous(" and ".join(credential.reader for _, credential in found))
    return found[0][1] if found else None


def _told_apart(found: Sequence[tuple[Reader, Credential]]) -> list[tuple[Reader, Credential]]:
    """Leave out what one reader could not read of a header, where another of its readers could.

    One header holds one secret, and the readers' forms exclude each other. Where none could read it, the first reader
    answers for it: what was shown and is nobody's is refused.
    """
    apart: list[tuple[Reader, Credential]] = []
    for reader, credential in sorted(found, key=lambda each: each[1].parts == (UNREADABLE,)):
        of_same_header = any(not reader.headers.isdisjoint(other.headers) for other, _ in apart)
        if credential.parts != (UNREADABLE,) or not of_same_header:
            apart.append((reader, credential))
    return sorted(apart, key=found.index)


class CredentialReading:
    """Reads with the readers of one route or endpoint; what equal header fields show is read once.

    Sound because a reader looks at the header fields alone, or at the target too where it says so, and at the peer,
    which is one for all requests of a connection; never at what may change.
    """

    __slots__ = ("_by_target", "_on_many", "_readers")

    def __init__(self, readers: Sequence[Reader], on_many: OnMany) -> None:
        self._readers = tuple(readers)
        self._on_many = on_many
        self._by_target = any(reader.reads_target for reader in readers)

    def read(self, access: AccessRequest) -> Reading:
        """Return the one credential there is, as `read_one`."""
        made = access.made if self._by_target else access.headers.made
        if self in made:
            reading: Reading = made[self]
        else:
            reading = made[self] = read_one(self._readers, access, self._on_many)
        return reading
