"""The keys that sign our own tokens, and the one strict way to verify such a token.

Identity tokens, access tokens, cookie tokens and return targets have key files of their own, and each its own `typ`,
which is compared exactly: none of them ever passes for another (RFC 8725 section 3.11).
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from jwt.api_jws import PyJWS

from gateway.model.errors import UNDECODABLE, KeyRingError

SigningAlgorithm = Literal["ES256", "EdDSA"]

MAX_TOKEN = 8192
"""Characters. Ours have some hundred; a longer one is refused before anything is decoded."""

SKEW = 60.0
"""Seconds by which the clock of the replica that issued a token may be ahead of ours."""

_MAX_FILE = 64 * 1024
_BLOCK = re.compile(rb"-----BEGIN (?P<label>[A-Z0-9 ]+)-----.+?-----END (?P=label)-----", re.DOTALL)
_PRIVATE = {b"PRIVATE KEY", b"EC PRIVATE KEY"}
_CURVE_ALONE = b"EC PARAMETERS"  # `openssl ecparam -genkey` writes this block before the key, which repeats it
_NO_KEY = "holds no private key: PEM of an Ed25519 or EC P-256 key is needed, the one that signs first"

_POINTERS = frozenset({"jku", "x5u", "jwk", "x5c", "crit", "b64"})
"""Header parameters by which a token would choose its own key or rules (RFC 8725 section 3.10); ours never have one."""


class TokenFault(StrEnum):
    """Why a token is refused. A `foreign` one is not ours to judge; all others name us as their issuer."""

    FOREIGN = "foreign"
    MALFORMED = "malformed"
    FORGED = "forged"
    PURPOSE = "purpose"
    AUDIENCE = "audience"
    EARLY = "early"
    EXPIRED = "expired"


class SigningKey:
    """A private key, the one algorithm it is used with, and its public half as a JWK (RFC 7517).

    `kid` is the key's thumbprint (RFC 7638), so a key has the same name in every process that loads it. Raises
    KeyRingError for a key that is neither Ed25519 nor EC P-256.
    """

    __slots__ = ("algorithm", "jwk", "kid", "private", "public")

    def __init__(self, private: object) -> None:
        if isinstance(private, Ed25519PrivateKey):
            self.algorithm: SigningAlgorithm = "EdDSA"
            jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        elif isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
            self.algorithm = "ES256"
            jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        else:
            raise KeyRingError("holds a key that is neither Ed25519 nor EC P-256")
        self.private: Ed25519PrivateKey | EllipticCurvePrivateKey = private
        self.public = private.public_key()
        self.kid = _thumbprint(jwk)
        self.jwk = {**jwk, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def __repr__(self) -> str:
        """Show the public parts alone."""
        return f"SigningKey({self.kid}, {self.algorithm})"


class KeyRing:
    """Keys of one purpose: the first signs, all verify, so that keys rotate without logging anyone out.

    Put a new key second, reload everywhere, move it to the front, and drop the old one when its last token has expired.
    Raises KeyRingError for no keys.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise KeyRingError(_NO_KEY)
        self._first = keys[0]
        self._keys = {key.kid: key for key in keys}
        self._jws = PyJWS(algorithms=["ES256", "EdDSA"])  # without `none` and HS256, so no token can choose them

    @classmethod
    def generate(cls, algorithm: SigningAlgorithm = "EdDSA") -> KeyRing:
        """Make a ring of one new key."""
        if algorithm == "EdDSA":
            return cls([SigningKey(Ed25519PrivateKey.generate())])
        return cls([SigningKey(generate_private_key(SECP256R1()))])

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read a PEM file of one or more private keys; raises KeyRingError, which names the file and no content."""
        try:
            with path.open("rb") as file:
                pem = file.read(_MAX_FILE + 1)
        except OSError as fault:
            raise KeyRingError(f"{path}: cannot be read: {fault.strerror or type(fault).__name__}") from fault
        if len(pem) > _MAX_FILE:
            raise KeyRingError(f"{path}: is larger than {_MAX_FILE} bytes")
        try:
            return cls.from_pem(pem)
        except KeyRingError as fault:
            raise KeyRingError(f"{path}: {fault}") from None

    @classmethod
    def from_pem(cls, pem: bytes) -> KeyRing:
        """Read the private keys of a PEM text, in its order; raises KeyRingError."""
        blocks = [block for block in _BLOCK.finditer(pem) if block["label"] != _CURVE_ALONE]
        for block in blocks:
            if block["label"] not in _PRIVATE:
                label = block["label"].decode("ascii")
                raise KeyRingError(f"holds a block {label}: only private keys without a password are of use here")
        return cls([SigningKey(_private_key(block[0])) for block in blocks])

    def to_pem(self) -> bytes:
        """Return the private keys as PEM (PKCS #8, RFC 5958), not encrypted; for a file of mode 0600."""
        return b"".join(
            key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in self._keys.values()
        )

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set (RFC 7517 section 5), the one that signs first."""
        return {"keys": [dict(key.jwk) for key in self._keys.values()]}

    def sign(self, typ: str, claims: dict[str, Any]) -> str:
        """Sign `claims`, which hold at least `iss`, `aud`, `iat` and `exp`, as a JWT whose header has this `typ`."""
        key = self._first
        return self._jws.encode(
            msgspec.json.encode(claims), key.private, algorithm=key.algorithm, headers={"typ": typ, "kid": key.kid}
        )

    def verify(self, token: str, *, typ: str, issuer: str, audience: str, now: float) -> dict[str, Any] | TokenFault:
        """Return the claims of a token of ours, or why it is refused; never raises. `now` is in epoch seconds.

        Before the signature is checked, the claims decide one thing alone: whether the token is foreign.
        """
        unverified = self._decode(token)
        if unverified is None or unverified.claims.get("iss") != issuer:
            return TokenFault.FOREIGN
        if not _POINTERS.isdisjoint(unverified.header):
            return TokenFault.MALFORMED
        if not self._is_signed(token, unverified.header):
            return TokenFault.FORGED
        if unverified.header.get("typ") != typ:
            return TokenFault.PURPOSE
        if unverified.claims.get("aud") != audience:
            return TokenFault.AUDIENCE
        return _time_fault(unverified.claims, now) or unverified.claims

    def _decode(self, token: str) -> _UnverifiedToken | None:
        """Decode a token, unverified; None for what is no JWT in compact form (RFC 7519 section 7.2)."""
        if len(token) > MAX_TOKEN or not token.isascii():
            return None
        try:
            parts = self._jws.decode_complete(token, options={"verify_signature": False})
            claims = msgspec.json.decode(parts["payload"], type=dict[str, Any])
        except (jwt.PyJWTError, *UNDECODABLE):
            return None
        if not is_spelled_once(token, parts["signature"]):
            return None
        return _UnverifiedToken(parts["header"], claims)

    def _is_signed(self, token: str, header: dict[str, Any]) -> bool:
        """Tell whether the key that the header names made the signature, with that key's own algorithm."""
        key = self._keys.get(header.get("kid", ""))
        if key is None:
            return False
        try:
            self._jws.decode_complete(token, key.public, algorithms=[key.algorithm])
        except jwt.PyJWTError:
            return False
        return True


class _UnverifiedToken(msgspec.Struct, frozen=True):
    """The header and the claims of a token whose signature was not checked yet."""

    header: dict[str, Any]
    claims: dict[str, Any]


def is_spelled_once(token: str, signature: bytes) -> bool:
    """Tell whether a token ends in the one spelling of its `signature`, base64url without padding (RFC 7515 section 2).

    Lenient decoders ignore padding, foreign characters and the last character's spare bits. With one of those, a caller
    could spell one good token in any number of ways, each with its own entry in every cache keyed by the token.
    """
    return token.rpartition(".")[2] == base64.urlsafe_b64encode(signature).rstrip(b"=").decode("ascii")


def _private_key(pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # without the cause: the parser's message may quote the key
        raise KeyRingError("holds a private key that cannot be read, or one with a password") from None


def _thumbprint(jwk: dict[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a public JWK (RFC 7638 section 3, RFC 8037 section 2 for Ed25519)."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    digest = hashlib.sha256(msgspec.json.encode(required, order="sorted")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _time_fault(claims: dict[str, Any], now: float) -> TokenFault | None:
    """Check `exp`, `iat` and `nbf` (RFC 7519 section 4.1) against `now`, in epoch seconds.

    An expiry has no leeway, since no cached answer may outlive it either.
    """
    issued_at, expires_at = _instant(claims.get("iat")), _instant(claims.get("exp"))
    not_before = _instant(claims.get("nbf", 0))
    if issued_at is None or expires_at is None or not_before is None:
        return TokenFault.MALFORMED
    if now >= expires_at:
        return TokenFault.EXPIRED
    if now + SKEW < max(issued_at, not_before):
        return TokenFault.EARLY
    return None


def _instant(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2), None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < math.inf else None
