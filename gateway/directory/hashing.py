"""How the directory stores credentials: API keys as keyed hashes, login tokens as Rocket.Chat's documents have them.

A key is long and random, so one fast keyed hash is enough: a slow one (argon2, 125 ms) protects guessable passwords,
and would let anybody keep the gateway busy with garbage. Without the pepper, a stolen table says nothing about a key.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import blake2b, sha256

_VERSION = "b1"
_ID_BYTES = 4
_HASH_BYTES = 32
_MAX_PREFIX = 12


class Peppers:
    """Hashes API keys under a list of secrets: the first writes, all read, so that peppers rotate.

    A stored hash is `b1:<pepper's id>:<hex>`: it names its pepper, so a person can count the rows that still need an
    old one. Of the products in `imported` plain SHA-256 hashes are read too. `secrets` is not empty; raises ValueError.
    """

    __slots__ = ("_hashers", "_imported")

    def __init__(self, secrets: Sequence[bytes], imported: Sequence[str] = ()) -> None:
        if not secrets:
            raise ValueError("at least one pepper is needed")
        self._hashers = tuple(_Pepper(secret) for secret in secrets)
        self._imported = tuple(imported)

    def hash(self, key: str) -> str:
        """Return the hash of a key under the first pepper: the one to store."""
        return self._hashers[0].hash(key)

    def every(self, key: str) -> tuple[str, ...]:
        """Return the hashes of a key under every pepper, the one to store first: those to look for."""
        peppered = tuple(hasher.hash(key) for hasher in self._hashers)
        if not self._imported:
            return peppered
        digest = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return (*peppered, *(imported_hash(source, digest) for source in self._imported))


class _Pepper:
    """One secret: its id, and a keyed state to copy."""

    __slots__ = ("_keyed", "_name")

    def __init__(self, secret: bytes) -> None:
        # two steps, since a secret may be of any length and a BLAKE2b key has at most 64 bytes (RFC 7693 section 2.1)
        key = blake2b(secret, digest_size=32, person=b"gw pepper").digest()
        identity = blake2b(secret, digest_size=_ID_BYTES, person=b"gw pepper id").hexdigest()
        self._name = f"{_VERSION}:{identity}:"
        self._keyed = blake2b(digest_size=_HASH_BYTES, key=key)

    def hash(self, key: str) -> str:
        digest = self._keyed.copy()
        digest.update(key.encode("utf-8", "surrogatepass"))
        return self._name + digest.hexdigest()


def imported_hash(source: str, digest: str) -> str:
    """Return how the hash of another product's key is stored, of its SHA-256 in hexadecimal.

    It has no pepper, so whoever steals the table can try short keys: a key that is used is hashed anew.
    """
    return f"sha256:{source}:{digest.lower()}"


def visible_prefix(key: str) -> str:
    """Return the beginning of a key by which its owner recognizes it: at most a third of it."""
    return key[: min(_MAX_PREFIX, len(key) // 3)]


def login_token_hash(token: str) -> str:
    """Return base64(sha256(token)), without a key as in Rocket.Chat, since the session document shows this hash.

    That is safe because Rocket.Chat's tokens have 256 random bits, so nobody can guess one.
    """
    return b64encode(sha256(token.encode("utf-8", "surrogatepass")).digest()).decode("ascii")
