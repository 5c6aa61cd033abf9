"""Sealing of an issuer's tokens, so that a copy of the directory is no copy of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.credentials.fingerprint import framed, purpose_key
from gateway.model.errors import UNDECODABLE
from gateway.model.external_identity import ProviderTokens

_PURPOSE = b"gw issuer tokens"
_NONCE_BYTES = 12


class TokenSealer:
    """Seals with AES-256-GCM under the first of `server_secrets`, and opens by every one of them.

    Whose tokens they are is bound in, so that those of one person do not open as another's.
    """

    def __init__(
        self, server_secrets: Sequence[bytes], randomness: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._ciphers = tuple(AESGCM(purpose_key(secret, _PURPOSE)) for secret in server_secrets)
        self._randomness = randomness

    def seal(self, tokens: ProviderTokens, issuer: str, subject: str) -> bytes:
        """Return the tokens as they are stored."""
        nonce = self._randomness(_NONCE_BYTES)
        plain = msgspec.json.encode((tokens.id_token, tokens.refresh_token))
        return nonce + self._ciphers[0].encrypt(nonce, plain, framed((issuer, subject)))

    def open(self, sealed: bytes, issuer: str, subject: str) -> ProviderTokens | None:
        """Return what was sealed; None for what no secret opens."""
        for cipher in self._ciphers:
            try:
                plain = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], framed((issuer, subject)))
                return ProviderTokens(*msgspec.json.decode(plain, type=tuple[str, str]))
            except (InvalidTag, ValueError, *UNDECODABLE):
                continue
        return None
