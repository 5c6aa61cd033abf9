"""One JWK Set (RFC 7517), read key by key: an entry that cannot be used spoils itself alone.

Keys are bound to algorithms when they are read: an RSA key is no HMAC secret, whatever a token's header says
(RFC 8725 section 3.1).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Literal, get_args

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.model.errors import UNDECODABLE

JwtAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"
]
"""What an issuer's published keys can verify; no HMAC, whose secret would have to be published."""

EVERY_ALGORITHM: tuple[JwtAlgorithm, ...] = get_args(JwtAlgorithm)

_FITTING: dict[tuple[str, str], frozenset[str]] = {
    ("RSA", ""): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
    ("OKP", "Ed448"): frozenset({"EdDSA"}),
}
"""(kty, crv) -> algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2)."""

_EDWARDS = frozenset({"EdDSA", "Ed25519"})
"""Two names of one algorithm (RFC 9864 section 2.2): whoever lists either means both."""

_PUBLIC = ("kty", "crv", "n", "e", "x", "y")
_MOST_KEYS = 64
_MIN_RSA_BITS = 2048  # RFC 7518 section 3.3


class _JwkSet(msgspec.Struct):
    keys: list[Any] | None = None


class PublishedKeys(msgspec.Struct, frozen=True):
    """Keys by (`kid`, algorithm), where a key without a name has the `kid` of an empty string; and by algorithm."""

    by_kid: dict[tuple[str, str], tuple[jwt.PyJWK, ...]] = {}
    by_algorithm: dict[str, tuple[jwt.PyJWK, ...]] = {}

    def named(self, kid: str, algorithm: str) -> tuple[jwt.PyJWK, ...]:
        """Return the keys of this name; none for a token that names no key."""
        return self.by_kid.get((kid, algorithm), ()) if kid else ()

    def unnamed(self, kid: str, algorithm: str) -> tuple[jwt.PyJWK, ...]:
        """Return the keys that a token may mean whose key is not there by its name.

        With a `kid` those that have no name themselves, without one any (RFC 7515 section 4.1.4 makes `kid` a hint).
        """
        return self.by_kid.get(("", algorithm), ()) if kid else self.by_algorithm.get(algorithm, ())


def both_names(algorithms: AbstractSet[str]) -> frozenset[str]:
    """Return the algorithms by every name that tokens and keys may call them."""
    return frozenset(algorithms | _EDWARDS if algorithms & _EDWARDS else algorithms)


def read_key_set(body: bytes, algorithms: AbstractSet[str]) -> PublishedKeys | None:
    """Return the usable keys of a JWK Set for these `algorithms`; `None` for what is no JWK Set."""
    try:
        document = msgspec.json.decode(body, type=_JwkSet)
    except UNDECODABLE:
        return None
    by_kid: dict[tuple[str, str], tuple[jwt.PyJWK, ...]] = {}
    by_algorithm: dict[str, tuple[jwt.PyJWK, ...]] = {}
    for entry in (document.keys or [])[:_MOST_KEYS]:
        jwk = _members(entry)
        for algorithm in sorted(_algorithms(jwk) & algorithms):
            key = _key(jwk, algorithm)
            if key is not None:
                kid = (_name(jwk), algorithm)
                by_kid[kid] = (*by_kid.get(kid, ()), key)
                by_algorithm[algorithm] = (*by_algorithm.get(algorithm, ()), key)
    return PublishedKeys(by_kid, by_algorithm)


def _members(entry: Any) -> dict[str, Any]:
    """Return a key's members, less those that are `null`: some issuers write what they leave out."""
    return {name: value for name, value in entry.items() if value is not None} if isinstance(entry, dict) else {}


def _name(jwk: dict[str, Any]) -> str:
    kid = jwk.get("kid", "")
    return kid if isinstance(kid, str) else str(kid)


def _algorithms(jwk: dict[str, Any]) -> frozenset[str]:
    """Return the algorithms that a key may verify: its own `alg`, else those that fit its type and curve."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    kind, curve = jwk.get("kty"), jwk.get("crv", "")
    if not isinstance(kind, str) or not isinstance(curve, str):
        return frozenset()
    fitting = _FITTING.get((kind, curve), frozenset())
    return fitting & both_names({str(jwk["alg"])}) if "alg" in jwk else fitting


def _key(jwk: dict[str, Any], algorithm: str) -> jwt.PyJWK | None:
    """Make a key of the public members alone; `None` for one that is broken or too short."""
    public = {name: jwk[name] for name in _PUBLIC if name in jwk}
    try:
        key = jwt.PyJWK(public, "EdDSA" if algorithm in _EDWARDS else algorithm)
    except Exception:  # noqa: BLE001 - a border: whatever two libraries raise, it is this entry that is of no use
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < _MIN_RSA_BITS:
        return None
    return key
