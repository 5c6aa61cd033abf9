"""One cached answer, in the compact form in which memory holds it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from gateway.model.answers import Found
from gateway.model.memo import AdmissionMemo
from gateway.sessions.revocation_keys import KEY_BYTES

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Found)

_decoded: AdmissionMemo[bytes, Found] = AdmissionMemo(1024)
"""Objects for the callers of this moment; whoever is told about them can remember by identity."""


class CacheEntry:
    """Encoded, because a tree of objects takes several times the memory; a hit decodes in a few microseconds.

    All times are in epoch seconds. `looked_at`: when an authority was asked. `fresh_until`, `aging_until`: up to when
    it is served, and served while it is refreshed. `until`: when it is forgotten. `quiet_until`: up to when the
    authority, found unavailable, is not asked again. `seen`: the version of `Endings` that it was last checked at.
    """

    __slots__ = (
        "_handles",
        "aging_until",
        "authority",
        "encoded",
        "fresh_until",
        "looked_at",
        "quiet_until",
        "seen",
        "until",
        "used",
    )

    def __init__(self, encoded: bytes, authority: str, handles: Sequence[bytes], looked_at: float, seen: int) -> None:
        self.encoded = encoded
        self.authority = authority
        self._handles = b"".join(handles)
        self.looked_at = looked_at
        self.fresh_until = looked_at
        self.aging_until = looked_at
        self.until = math.inf
        self.quiet_until = 0.0
        self.seen = seen
        self.used = False

    @property
    def handles(self) -> tuple[bytes, ...]:
        """The handles that it carries; held in one string, since a tuple of them takes three times the memory."""
        joined = self._handles
        return tuple(joined[start : start + KEY_BYTES] for start in range(0, len(joined), KEY_BYTES))

    def found(self) -> Found:
        """Decode the answer; the same object each time while it is asked for again and again."""
        found = _decoded.get(self.encoded)
        if found is None:
            found = _decoder.decode(self.encoded)
            _decoded.put(self.encoded, found, self.encoded)
        return found


def encode(found: Found) -> bytes:
    """Return the compact form of an answer."""
    return _encoder.encode(found)


def decode(encoded: bytes) -> Found:
    """Return the answer; raises one of UNDECODABLE for what another version wrote."""
    return _decoder.decode(encoded)


def ends_at(found: Found) -> float:
    """Return when the token or the session ends by itself, whichever is first; infinity for never. Epoch seconds."""
    times = (found.expires_at, found.session.expires_at)
    return min((time.timestamp() for time in times if time is not None), default=math.inf)
