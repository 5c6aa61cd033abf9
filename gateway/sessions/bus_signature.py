"""The signature of bus messages: whoever can write to Redis may publish, and must be nobody to those who hear."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import blake2b

from gateway.credentials.fingerprint import purpose_key

_PURPOSE = b"gw bus"
_BYTES = 16
"""128 bits of a keyed hash."""
_MOST_BYTES = 4096
"""A message is some 50 bytes and 34 for each secret; 18 MB of made-up keys held a process up for 20 s."""


class BusSignature:
    """Signs messages under every one of `secrets`, which is not empty, and opens what any of them has signed.

    Under every secret, as its targets are hashed: a process that has not loaded the newest one yet is to hear it too.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(purpose_key(secret, _PURPOSE) for secret in secrets)

    def sign(self, body: bytes) -> bytes:
        """Return `body` behind its signatures and their number."""
        return bytes([len(self._keys)]) + b"".join(_signature(key, body) for key in self._keys) + body

    def opened(self, payload: bytes) -> bytes | None:
        """Return the body of a signed message; None for anybody else's, looked at no further than its length."""
        if not payload or len(payload) > _MOST_BYTES:
            return None
        end = 1 + payload[0] * _BYTES
        body = payload[end:]
        signatures = [payload[start : start + _BYTES] for start in range(1, end, _BYTES)]
        for key in self._keys:
            expected = _signature(key, body)
            if any(hmac.compare_digest(expected, signature) for signature in signatures):
                return body
        return None


def _signature(key: bytes, body: bytes) -> bytes:
    return blake2b(body, digest_size=_BYTES, key=key).digest()
