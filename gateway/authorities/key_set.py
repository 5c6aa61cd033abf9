"""An issuer's public keys (JWKS, RFC 7517): fetched, and fetched again when a token names one that is not there.

Keys are bound to algorithms when they are read: an RSA key is no HMAC secret, whatever a token's header says
(RFC 8725 section 3.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Literal

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.authorities.http_client import HttpClient
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable, Undecided
from gateway.model.errors import UNDECODABLE

JwtAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # no HMAC: its secret would have to be published

_FITTING: dict[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
"""(kty, crv) -> algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1)."""

_PUBLIC = ("kty", "crv", "n", "e", "x", "y", "kid")
_MAX_KEYS = 64
_MIN_RSA_BITS = 2048  # RFC 7518 section 3.3

_log = structlog.get_logger(__name__)


class KeyTimes(msgspec.Struct, frozen=True):
    """How long fetched keys are used, in seconds.

    After `fresh` they are fetched again. `cooldown` lies between two fetches, however many tokens name a key that is
    not there. When fetching fails the old keys are used up to `stale`: an outage of the issuer logs nobody out, and
    whoever can block our fetches cannot keep a withdrawn key in use for ever.
    """

    fresh: float = 600.0
    cooldown: float = 30.0
    stale: float = 86400.0


class _Keys(msgspec.Struct, frozen=True):
    """Keys by (`kid`, algorithm), and by algorithm for tokens without a `kid`."""

    by_kid: dict[tuple[str, str], tuple[jwt.PyJWK, ...]] = {}
    by_algorithm: dict[str, tuple[jwt.PyJWK, ...]] = {}


class KeySet:
    """The keys behind one URL, for the `algorithms` that the config allows. `now` is in monotonic seconds."""

    def __init__(
        self, client: HttpClient, algorithms: Sequence[str], times: KeyTimes, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._algorithms = frozenset(algorithms)
        self._times = times
        self._now = now
        self._keys = _Keys()
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None
        self._attempts = 0
        self._lock = asyncio.Lock()

    async def find(self, kid: str, algorithm: str) -> Sequence[jwt.PyJWK] | Unavailable:
        """Return the keys that may have signed a token with this header: by `kid`, or, without one, by algorithm.

        Empty when the issuer has no such key. When its keys could not be fetched, Undecided for a key that is not there
        while others serve (whoever makes up a `kid` is no outage), and Unavailable when there are none at all.
        """
        if self._is_due():
            await self._fetch()
        keys = self._matching(kid, algorithm)
        if not keys and self._elapsed() >= self._times.cooldown:
            await self._fetch()
            keys = self._matching(kid, algorithm)
        if keys or self._fetched_at == self._attempted_at:
            return keys
        fault = Undecided if self._serves() else Unavailable
        return fault("the issuer's keys cannot be fetched", max(1, int(self._times.cooldown)))

    def _is_due(self) -> bool:
        """Tell whether whoever asks now is to fetch; while one caller does, others use the keys that are there."""
        if self._lock.locked() and self._serves():
            return False
        failed = self._fetched_at is None or self._fetched_at != self._attempted_at
        return self._elapsed() >= (self._times.cooldown if failed else self._times.fresh)

    def _serves(self) -> bool:
        """Tell whether there are keys that may still be used."""
        return self._fetched_at is not None and self._now() - self._fetched_at < self._times.stale

    def _elapsed(self) -> float:
        """Return the seconds since the last attempt."""
        return float("inf") if self._attempted_at is None else self._now() - self._attempted_at

    def _matching(self, kid: str, algorithm: str) -> tuple[jwt.PyJWK, ...]:
        if not self._serves():
            return ()
        return self._keys.by_kid.get((kid, algorithm), ()) if kid else self._keys.by_algorithm.get(algorithm, ())

    async def _fetch(self) -> None:
        """Fetch once for all who wait: whoever comes to the lock after a fetch has ended takes its result."""
        attempts = self._attempts
        async with self._lock:
            if self._attempts != attempts:
                return
            try:
                keys = _read(await self._client.get(), self._algorithms)
            finally:  # a cancelled attempt counts too, else every caller would ask a silent issuer again
                self._attempts += 1
                self._attempted_at = self._now()
            if isinstance(keys, Unavailable):
                _log.warning("issuer_keys_fetch_failed", fault=keys.detail)
                return
            self._keys = keys
            self._fetched_at = self._attempted_at


class _JwksDocument(msgspec.Struct):
    keys: list[dict[str, Any]]


def _read(response: RemoteResponse | Unavailable, algorithms: frozenset[str]) -> _Keys | Unavailable:
    """Decode a key set, less the keys that cannot be used here (RFC 7517 section 5); Unavailable when none is left."""
    if isinstance(response, Unavailable):
        return response
    if response.status != HTTPStatus.OK:
        return Unavailable(f"the key set's address answered {response.status}")
    try:
        document = msgspec.json.decode(response.body, type=_JwksDocument)
    except UNDECODABLE:
        return Unavailable("the key set's address answered with something else than a key set")
    by_kid: dict[tuple[str, str], tuple[jwt.PyJWK, ...]] = {}
    by_algorithm: dict[str, tuple[jwt.PyJWK, ...]] = {}
    for jwk in document.keys[:_MAX_KEYS]:
        for algorithm in sorted(_algorithms(jwk) & algorithms):
            key = _key(jwk, algorithm)
            if key is None:
                continue
            kid = (str(jwk.get("kid", "")), algorithm)
            by_kid[kid] = (*by_kid.get(kid, ()), key)
            by_algorithm[algorithm] = (*by_algorithm.get(algorithm, ()), key)
    if not by_algorithm:
        return Unavailable("the key set holds no key for the configured algorithms")
    return _Keys(by_kid, by_algorithm)


def _algorithms(jwk: dict[str, Any]) -> frozenset[str]:
    """Return the algorithms that a key may verify: its own `alg`, else those that fit its type and curve."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    kind, curve = jwk.get("kty"), jwk.get("crv", "")
    if not isinstance(kind, str) or not isinstance(curve, str):
        return frozenset()
    fitting = frozenset(_FITTING.get((kind, curve), ()))
    return fitting & {str(jwk["alg"])} if "alg" in jwk else fitting


def _key(jwk: dict[str, Any], algorithm: str) -> jwt.PyJWK | None:
    """Make a key of the public members alone; `None` for one that is broken or too short."""
    try:
        key = jwt.PyJWK({name: jwk[name] for name in _PUBLIC if name in jwk}, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < _MIN_RSA_BITS:
        return None
    return key
