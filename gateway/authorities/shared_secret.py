"""Secrets that an issuer shares with us, for tokens that are signed by HMAC (RFC 7518 section 3.2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from jwt import PyJWK
from pydantic import SecretStr

from gateway.authorities.key_set import Signed, TokenKey

HMAC = "HS256"

LEAST_BYTES = 32
"""A key as long as the hash that it is used with (RFC 7518 section 3.2)."""


class SharedSecrets:
    """The secrets of one issuer: the first signs, all verify, so that one is exchanged without logging anyone out."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        plain = [secret.get_secret_value().encode() for secret in secrets]
        self._keys = tuple(PyJWK({"kty": "oct", "k": base64.urlsafe_b64encode(each).decode()}, HMAC) for each in plain)
        self.digests = tuple(hashlib.blake2b(each, digest_size=16).hexdigest() for each in plain)

    async def has_signed(self, _wanted: TokenKey, signed: Signed) -> bool:
        """Tell whether one of the secrets has signed a token."""
        return any(map(signed, self._keys))

    @staticmethod
    def unsigned_because(_wanted: TokenKey) -> str:
        """Return why none of the secrets has signed a token, in words for the log."""
        return "its signature is not by the shared secret"


def require_long(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    """Return secrets that are long enough; raises ValueError, whose text does not show them."""
    if any(len(secret.get_secret_value().encode()) < LEAST_BYTES for secret in secrets):
        raise ValueError(f"must be at least {LEAST_BYTES} bytes: a shorter one is guessed from any token")
    return secrets
