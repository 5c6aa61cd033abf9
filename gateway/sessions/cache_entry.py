"""How long an answer counts, its keys, and one cached answer in the compact form in which memory holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential
from gateway.model.memo import AdmissionMemo
from gateway.sessions.revocation import KEY_BYTES, RevocationKeys

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Found)

_decoded: AdmissionMemo[bytes, Found] = AdmissionMemo(1024)
"""Answers in current use, decoded once, so that later stages can remember what they made of a session's identity."""


class CacheTimes(msgspec.Struct, frozen=True):
    """The config's `cache` section, in seconds, except `jitter`, which is a fraction.

    `fresh`: an answer is served as it is; up to twice that it is served while one background refresh runs. `stale`: up
    to this age it is served while the authority is unavailable. `negative`: how long a rejection is remembered.
    `unheard`: how long memory keeps an answer while the revocation bus is down. `revoked`: how long a revocation is
    remembered at least. `jitter`: the part of `fresh` that is cut at random, so that replicas do not expire together.
    """

    fresh: float = 60.0
    stale: float = 600.0
    negative: float = 5.0
    unheard: float = 1.0
    revoked: float = 86400.0
    jitter: float = 0.1

    @property
    def surely_fresh(self) -> float:
        """The age in seconds up to which an answer is fresh whatever the jitter; a refresh accepts only such a one."""
        return self.fresh * (1 - self.jitter)

    @property
    def longest(self) -> float:
        """The age in seconds that no cached answer outlives."""
        return max(self.stale, 2 * self.fresh)

    @property
    def changed(self) -> float:
        """How many seconds a change is remembered: as long as an answer from before it may still turn up.

        A minute is added for look-ups under way, far more than the deadline of any authority.
        """
        return self.longest + 60.0


class CacheKeys(msgspec.Struct, frozen=True):
    """The keys of answers under every server secret; `fingerprinters` by reader name."""

    revocation_keys: RevocationKeys
    fingerprinters: Mapping[str, Fingerprinter]

    def fingerprints(self, credential: Credential) -> tuple[bytes, ...]:
        """Return the fingerprints under which an answer about this credential is cached, the current secret's first."""
        return self.fingerprinters[credential.reader].every(credential.parts)


class CacheEntry:
    """One answer, encoded: an object tree takes several times the memory, and a hit decodes in a few microseconds.

    Times are monotonic, in seconds, so that a clock that is set back keeps nothing longer. `looked_up_at`: when the
    authority was asked. `fresh_until` and `aging_until`: up to when it is served, and served while it is refreshed.
    `until`: when it is forgotten. `retry_at`: when an authority that was unavailable is asked again. `ends_at` is what
    its issuer said, in epoch seconds. `checked_version`: the version of the `RevocationLog` it was last checked at.
    """

    __slots__ = (
        "_revocation_keys",
        "aging_until",
        "authority",
        "checked_version",
        "encoded",
        "ends_at",
        "fresh_until",
        "looked_up_at",
        "retry_at",
        "until",
        "used",
    )

    def __init__(
        self,
        encoded: bytes,
        authority: str,
        revocation_keys: Sequence[bytes],
        looked_up_at: float,
        ends_at: float,
        checked_version: int,
    ) -> None:
        self.encoded = encoded
        self.authority = authority
        self._revocation_keys = b"".join(revocation_keys)
        self.looked_up_at = looked_up_at
        self.fresh_until = looked_up_at
        self.aging_until = looked_up_at
        self.until = math.inf
        self.ends_at = ends_at
        self.retry_at = 0.0
        self.checked_version = checked_version
        self.used = False

    @property
    def revocation_keys(self) -> tuple[bytes, ...]:
        """The keys that revoke it; stored as one string, since a tuple takes three times the memory."""
        joined = self._revocation_keys
        return tuple(joined[start : start + KEY_BYTES] for start in range(0, len(joined), KEY_BYTES))

    def found(self) -> Found:
        """Decode the answer; an entry in current use returns the same object each time."""
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
    """Return the earlier expiry of token and session in epoch seconds; infinity when neither has one."""
    times = (found.expires_at, found.session.expires_at)
    return min((time.timestamp() for time in times if time is not None), default=math.inf)
