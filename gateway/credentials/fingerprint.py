"""The keyed hash that names a credential in caches and logs, so that the credential itself never needs to."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

FINGERPRINT_BYTES = 16
"""128 bits of a keyed hash: nobody without the secret can search for a collision, and 10**15 credentials that meet by
chance one time in 10**8 are more than any fleet holds."""

_PURPOSE = b"gw fingerprint"
_LENGTH_BYTES = 8


def framed(parts: Sequence[str]) -> bytes:
    """Return `parts` as bytes, each behind its length, so that ("a", "bc") and ("ab", "c") are never one.

    Two parts that could trade a character gave one caller another's cached answer (oathkeeper CVE-2026-33496).
    """
    framed_parts = []
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")  # one to one also for what a lenient decoder let through
        framed_parts.append(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
    return b"".join(framed_parts)


def purpose_key(secret: bytes, purpose: bytes) -> bytes:
    """Derive a key of 32 bytes for one purpose from a server secret, of any length.

    Purposes (at most 16 bytes, BLAKE2's personalisation: RFC 7693 section 2.8) keep a fingerprint from being of use
    as a sealing key or an index key.
    """
    return blake2b(secret, digest_size=32, person=purpose).digest()


class Fingerprinter:
    """Makes the fingerprints of one reader; callable as the reader's `Fingerprint`.

    `verdict_digests` are those of the reader's authorities in order: an answer that was given under other settings has
    another name, so it is never served (oathkeeper CVE-2021-32701). `secrets` is not empty; the first writes, all
    read. What every fingerprint of this reader begins with is hashed once, here.
    """

    __slots__ = ("_beginnings", "_first")

    def __init__(self, secrets: Sequence[bytes], reader: str, key_type: str, verdict_digests: Sequence[bytes]) -> None:
        beginning = framed((reader, key_type, str(len(verdict_digests)), *(digest.hex() for digest in verdict_digests)))
        self._beginnings = tuple(
            blake2b(beginning, digest_size=FINGERPRINT_BYTES, key=purpose_key(secret, _PURPOSE)) for secret in secrets
        )
        self._first = self._beginnings[0]

    def __call__(self, parts: tuple[str, ...]) -> bytes:
        """Return the fingerprint of these secret parts under the first secret."""
        hashed = self._first.copy()
        hashed.update(framed(parts))
        return hashed.digest()

    def every(self, parts: tuple[str, ...]) -> tuple[bytes, ...]:
        """Return the fingerprints under every secret, the first one first: other processes may still write those."""
        whole = framed(parts)
        fingerprints = []
        for beginning in self._beginnings:
            hashed = beginning.copy()
            hashed.update(whole)
            fingerprints.append(hashed.digest())
        return tuple(fingerprints)
