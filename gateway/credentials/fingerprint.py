"""The keyed hash that names a credential in caches and logs, where the credential itself must not appear."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

FINGERPRINT_BYTES = 16
"""128 bits of a keyed hash: nobody can search for a collision without the secret, and among 10**15 credentials the
chance of one is 1 in 10**8."""

_PURPOSE = b"gw fingerprint"
_LENGTH_BYTES = 8


def framed(parts: Sequence[str]) -> bytes:
    """Return `parts` as bytes, each behind its length, so that ("a", "bc") and ("ab", "c") are never one.

    Without the lengths, one caller got another's cached answer in oathkeeper (CVE-2026-33496).
    """
    framed_parts = []
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")  # injective even for surrogates of a lenient decoder
        framed_parts.append(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
    return b"".join(framed_parts)


def purpose_key(secret: bytes, purpose: bytes) -> bytes:
    """Derive a key of 32 bytes for one purpose from a server secret, of any length.

    A purpose (at most 16 bytes, BLAKE2's personalisation: RFC 7693 section 2.8) keeps a fingerprint from being used as
    a sealing key or an index key.
    """
    return blake2b(secret, digest_size=32, person=purpose).digest()


class Fingerprinter:
    """Makes the fingerprints of one reader; callable as the reader's `Fingerprint`.

    `verdict_digests` are those of the reader's authorities in order: an answer that was given under other settings has
    another fingerprint, so it is never served (oathkeeper CVE-2021-32701). `secrets` is not empty; the first writes,
    all read. The common beginning of this reader's fingerprints is hashed once, here.
    """

    __slots__ = ("_current", "_prefixes")

    def __init__(self, secrets: Sequence[bytes], reader: str, key_type: str, verdict_digests: Sequence[bytes]) -> None:
        prefix = framed((reader, key_type, str(len(verdict_digests)), *(digest.hex() for digest in verdict_digests)))
        self._prefixes = tuple(
            blake2b(prefix, digest_size=FINGERPRINT_BYTES, key=purpose_key(secret, _PURPOSE)) for secret in secrets
        )
        self._current = self._prefixes[0]

    def __call__(self, parts: tuple[str, ...]) -> bytes:
        """Return the fingerprint of these secret parts under the first secret."""
        fingerprint = self._current.copy()
        fingerprint.update(framed(parts))
        return fingerprint.digest()

    def every(self, parts: tuple[str, ...]) -> tuple[bytes, ...]:
        """Return the fingerprints under every secret, the first one first; other processes may write the others."""
        message = framed(parts)
        fingerprints = []
        for prefix in self._prefixes:
            fingerprint = prefix.copy()
            fingerprint.update(message)
            fingerprints.append(fingerprint.digest())
        return tuple(fingerprints)
