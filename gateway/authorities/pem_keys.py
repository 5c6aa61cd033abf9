"""An issuer's keys that are published one by one: each as a PEM at its own address, `URL/KID`."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from http import HTTPStatus

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm

from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.authorities.key_set import KeyTimes, Signed, TokenKey
from gateway.authorities.open_http_client import open_http_client
from gateway.authorities.public_claims import shown
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable, Undecided

PEM_ALGORITHM = "ES256"

_KID = re.compile(r"[0-9A-Za-z-]{1,64}+")
"""A name that can be put behind a URL, and leads to no other address."""

_MOST_KEYS = 64
_MOST_FETCHES = 8
"""In a cooldown, whatever tokens name: there are two or three keys at a time."""

_ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.GONE})  # 403: S3, of what is not there


class PemKeys:
    """Fetches a key when a token names it. `now` is in monotonic seconds.

    A name stands for one key for ever, so a key that was fetched is used for `times.stale` seconds; one that is not
    there is asked for again after `times.cooldown`.
    """

    def __init__(self, url: str, settings: HttpAuthoritySettings, times: KeyTimes, now: Callable[[], float]) -> None:
        self._client = open_http_client(url.rstrip("/"), settings, accept="application/x-pem-file, text/plain, */*")
        self._times = times
        self._now = now
        self._keys: dict[str, tuple[jwt.PyJWK | None, float]] = {}
        self._fetches: list[float] = []
        self._lock = asyncio.Lock()

    async def has_signed(self, wanted: TokenKey, signed: Signed) -> bool | Unavailable:
        """Tell whether the key that a token names has signed it; Unavailable or Undecided where it cannot be had."""
        if wanted.algorithm != PEM_ALGORITHM or not _KID.fullmatch(wanted.kid):
            return False
        key = await self._key(wanted.kid)
        return key if isinstance(key, Unavailable) else key is not None and signed(key)

    def unsigned_because(self, wanted: TokenKey) -> str:
        """Return why no key has signed a token, in words for the log."""
        key, _ = self._keys.get(wanted.kid, (None, 0.0))
        if key is None:
            return f"the issuer publishes no key {shown(wanted.kid)} for {PEM_ALGORITHM}"
        return f"its signature is not of the issuer's key {shown(wanted.kid)}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _key(self, kid: str) -> jwt.PyJWK | Unavailable | None:
        """Return the key, `None` where there is none of this name."""
        if not self._knows(kid):  # before the lock: whoever names another key waits for its fetch, and nobody else
            async with self._lock:
                if not self._knows(kid):
                    return await self._fetch(kid)
        return self._keys[kid][0]

    def _knows(self, kid: str) -> bool:
        """Tell whether what was fetched of this name still counts."""
        known = self._keys.get(kid)
        if known is None:
            return False
        key, fetched_at = known
        return self._now() - fetched_at < (self._times.cooldown if key is None else self._times.stale)

    async def _fetch(self, kid: str) -> jwt.PyJWK | Unavailable | None:
        now = self._now()
        self._fetches = [each for each in self._fetches if now - each < self._times.cooldown]
        if len(self._fetches) >= _MOST_FETCHES:
            wait = max(1, math.ceil(self._times.cooldown - (now - self._fetches[0])))
            return Undecided("more keys are asked for than may be fetched", wait)
        self._fetches.append(now)
        key = _read(await self._client.get(beneath=kid))
        if isinstance(key, Unavailable):
            serves = any(each is not None for each, _ in self._keys.values())
            return Undecided(key.detail) if serves else key
        self._keys.pop(kid, None)
        if len(self._keys) >= _MOST_KEYS:
            self._drop_one()
        self._keys[kid] = (key, self._now())
        return key

    def _drop_one(self) -> None:
        """Forget the oldest name that has no key, so that made-up ones cost nobody's key; else the oldest key."""
        absent = (kid for kid, (key, _) in self._keys.items() if key is None)
        del self._keys[next(absent, next(iter(self._keys)))]


def _read(response: RemoteResponse | Unavailable) -> jwt.PyJWK | Unavailable | None:
    """Return the key of an answer, `None` where it says that there is none."""
    if isinstance(response, Unavailable):
        return response
    if response.status in _ABSENT:
        return None
    if response.status != HTTPStatus.OK:
        return Unavailable(f"the key's address answered {response.status}")
    try:
        key = load_pem_public_key(response.body)
    except Exception:  # noqa: BLE001 - a border: whatever the parser raises, there is no key
        return Unavailable("the key's address answered with something else than a PEM")
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        return Unavailable(f"the key is none for {PEM_ALGORITHM}")
    return jwt.PyJWK(ECAlgorithm.to_jwk(key, as_dict=True), PEM_ALGORITHM)
