"""What is sealed for other processes, and how old it is: answers, and the rejections that travel with a claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.model.answers import Reason, Rejected
from gateway.model.errors import UNDECODABLE
from gateway.sessions.cache_entry import decode, encode, ends_at
from gateway.sessions.revocation import CLOCK_SECONDS
from gateway.sessions.sealing import ANSWER, REJECTION, Sealer
from gateway.sessions.shared_tier import SharedEntry, SharedRejection


class _SealedEntry(msgspec.Struct, frozen=True, array_like=True):
    """An answer, and how old it is by two clocks, of which the older counts.

    `age`: seconds from the beginning of the look-up to the storing; `life`: seconds that it was stored for, from
    which the server's countdown says how long ago that was. `looked_up_at` (epoch seconds) is sealed too: whoever can
    write to Redis may put an old value back and set its countdown.
    """

    fingerprint: bytes
    found: bytes
    authority: str
    age: float
    life: float
    looked_up_at: float


class _SealedRejection(msgspec.Struct, frozen=True, array_like=True):
    """What the holder of a claim learnt at `at` (epoch seconds)."""

    fingerprint: bytes
    reason: Reason
    authority: str
    at: float


_encoder = msgspec.msgpack.Encoder()
_entry_decoder = msgspec.msgpack.Decoder(_SealedEntry)
_rejection_decoder = msgspec.msgpack.Decoder(_SealedRejection)


class SealedAnswers:
    """Seals and opens the answers about one credential: its secret `parts`, and its fingerprint under every secret.

    `clock` is in epoch seconds. What was looked up by a clock that is far ahead does not open.
    """

    def __init__(
        self, sealer: Sealer, parts: tuple[str, ...], fingerprints: Sequence[bytes], clock: Callable[[], float]
    ) -> None:
        self._sealer = sealer
        self._parts = parts
        self._fingerprints = fingerprints
        self._clock = clock

    def seal_entry(self, entry: SharedEntry, lifetime: float) -> bytes:
        """Seal an answer that is stored for `lifetime` seconds."""
        looked_up_at, fingerprint = self._clock() - entry.age, self._fingerprints[0]
        sealed = _SealedEntry(fingerprint, encode(entry.found), entry.authority, entry.age, lifetime, looked_up_at)
        return self._sealer.seal(self._parts, fingerprint, _encoder.encode(sealed), ANSWER)

    def open_entry(self, position: int, value: bytes, remaining: int) -> SharedEntry | None:
        """Open an answer sealed under the secret at `position`, which lives `remaining` ms more.

        None for garbage, another's, or another version's, and for one that is over.
        """
        fingerprint = self._fingerprints[position]
        plain = self._sealer.open(position, self._parts, fingerprint, value, ANSWER)
        if plain is None:
            return None
        try:
            sealed = _entry_decoder.decode(plain)
            found = decode(sealed.found)
        except UNDECODABLE:
            return None
        now = self._clock()
        if sealed.fingerprint != fingerprint or remaining < 0 or ends_at(found) <= now:
            return None
        if sealed.looked_up_at > now + CLOCK_SECONDS:
            return None
        age = max(0.0, sealed.age + sealed.life - remaining / 1000, now - sealed.looked_up_at)
        return SharedEntry(found, sealed.authority, age)

    def seal_rejection(self, rejected: Rejected, authority: str) -> bytes:
        """Seal what a claim's holder has learnt now."""
        fingerprint = self._fingerprints[0]
        sealed = _SealedRejection(fingerprint, rejected.reason, authority, self._clock())
        return self._sealer.seal(self._parts, fingerprint, _encoder.encode(sealed), REJECTION)

    def open_rejection(self, value: bytes, claim_seconds: float) -> SharedRejection | None:
        """Open what a claim holds; None for a claim whose holder has not learnt anything.

        None too for one that is older than a claim lives, whoever has put it back.
        """
        fingerprint = self._fingerprints[0]
        plain = self._sealer.open(0, self._parts, fingerprint, value, REJECTION)
        if plain is None:
            return None
        try:
            sealed = _rejection_decoder.decode(plain)
        except UNDECODABLE:
            return None
        age = self._clock() - sealed.at
        if sealed.fingerprint != fingerprint or not -CLOCK_SECONDS < age < claim_seconds + CLOCK_SECONDS:
            return None
        return SharedRejection(Rejected(sealed.reason), sealed.authority, max(0.0, age))
