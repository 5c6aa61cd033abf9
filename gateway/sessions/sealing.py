"""Sealing of what lies in Redis, so that a dump of it shows neither credentials nor sessions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.credentials.fingerprint import framed, purpose_key

_PURPOSE = b"gw seal"
ANSWER, REJECTION = b"\x01", b"\x02"
"""The kinds of sealed value; each opens as itself alone."""
_NONCE_BYTES = 12
"""NIST SP 800-38D section 5.2.1.1 recommends 96 bits."""


class Sealer:
    """Seals with AES-256-GCM under a key derived from both the server's secret and the credential.

    A dump and the secret do not give the credentials, and a credential does not give the secret. The fingerprint is
    bound in as associated data, so that a value moved to another key does not open (Envoy CVE-2023-35941 served an
    answer for somebody else). `server_secrets` is not empty and in the order of `Fingerprinter.every`; `randomness`
    returns that many random bytes.
    """

    def __init__(
        self, server_secrets: Sequence[bytes], randomness: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._keys = tuple(purpose_key(secret, _PURPOSE) for secret in server_secrets)
        self._randomness = randomness

    def seal(self, parts: Sequence[str], fingerprint: bytes, plain: bytes, form: bytes) -> bytes:
        """Seal a value of this `form` under the first secret."""
        nonce = self._randomness(_NONCE_BYTES)
        return form + nonce + self._cipher(0, parts).encrypt(nonce, plain, form + fingerprint)

    def open(self, position: int, parts: Sequence[str], fingerprint: bytes, sealed: bytes, form: bytes) -> bytes | None:
        """Open what was sealed under the secret at `position`; None for garbage, another's, or of another `form`."""
        if not sealed.startswith(form):
            return None
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher(position, parts).decrypt(nonce, rest, form + fingerprint)
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            return None

    def _cipher(self, position: int, parts: Sequence[str]) -> AESGCM:
        return AESGCM(blake2b(framed(parts), digest_size=32, key=self._keys[position]).digest())
