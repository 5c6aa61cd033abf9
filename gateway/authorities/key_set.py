"""An issuer's published keys: fetched, and fetched again when a token may be signed by one that is not there."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import jwt
import msgspec
import structlog

from gateway.authorities.public_claims import shown
from gateway.authorities.published_keys import PublishedKeys, read_key_set
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable, Undecided

_log = structlog.get_logger(__name__)

Signed = Callable[[jwt.PyJWK], bool]
"""Tells whether a token is signed by this key."""

FetchKeySet = Callable[[], Awaitable[RemoteResponse | Unavailable]]
"""Fetches a key set's document."""


_UNSIGNED = "its signature is of none of the issuer's keys"


class KeyTimes(msgspec.Struct, frozen=True):
    """How long fetched keys are used, in seconds.

    After `fresh` they are fetched again. `cooldown` lies between two fetches, however many tokens name a key that is
    not there. When fetching fails the old keys are used up to `stale`: an outage of the issuer logs nobody out, and
    whoever can block our fetches cannot keep a withdrawn key in use for ever.
    """

    fresh: float = 600.0
    cooldown: float = 30.0
    stale: float = 86400.0


class TokenKey(msgspec.Struct, frozen=True):
    """What a token says of its key: the name (empty for none), the algorithm, and its age where it says that.

    None of it is verified. `age` is in seconds and chooses between a 401 and a 503 alone.
    """

    kid: str
    algorithm: str
    age: float | None = None


class KeySet:
    """The keys that `fetch` gets, for the `algorithms` that the config allows. `now` is in monotonic seconds."""

    def __init__(
        self, fetch: FetchKeySet, algorithms: Sequence[str], times: KeyTimes, now: Callable[[], float]
    ) -> None:
        self._document = fetch
        self._algorithms = frozenset(algorithms)
        self._times = times
        self._now = now
        self._keys = PublishedKeys()
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None
        self._attempts = 0
        self._lock = asyncio.Lock()

    async def has_signed(self, wanted: TokenKey, signed: Signed) -> bool | Unavailable:
        """Tell whether one of the issuer's keys has signed a token: by its `kid`, else any key that it may mean.

        When keys could not be fetched, Undecided for a key that is not there while others serve (whoever makes up a
        `kid` is no outage), and Unavailable when there are none at all. Undecided too for a key that may have been
        published since the last fetch, which is tried again after the cooldown.
        """
        attempts = self._attempts
        if self._is_due():
            await self._fetch()
        verdict = self._verdict(wanted, signed)
        if verdict is None and self._elapsed() >= self._times.cooldown:
            await self._fetch()
            verdict = self._verdict(wanted, signed)
        if verdict is not None:
            return verdict
        if self._fetched_at is None or self._fetched_at != self._attempted_at:
            fault = Undecided if self._serves() else Unavailable
            return fault("the issuer's keys cannot be fetched", self._wait())
        if self._attempts != attempts or not self._may_be_newer(wanted):
            return False
        return Undecided("the token's key may have been published since the key set was fetched", self._wait())

    def unsigned_because(self, wanted: TokenKey) -> str:
        """Return why none of the keys has signed a token, in words for the log."""
        if self._keys.named(wanted.kid, wanted.algorithm) or not wanted.kid:
            return f"its signature is not of the issuer's key {shown(wanted.kid)}" if wanted.kid else _UNSIGNED
        return f"the issuer publishes no key {shown(wanted.kid)} for {wanted.algorithm}"

    def _verdict(self, wanted: TokenKey, signed: Signed) -> bool | None:
        """Judge by the keys that are there; `None` when the key that the token means may not be among them."""
        if not self._serves():
            return None
        named = self._keys.named(wanted.kid, wanted.algorithm)
        if named:
            return any(map(signed, named))
        return any(map(signed, self._keys.unnamed(wanted.kid, wanted.algorithm))) or None

    def _may_be_newer(self, wanted: TokenKey) -> bool:
        """Tell whether a token may be younger than the fetched set: a key is published before it signs."""
        return wanted.age is None or wanted.age <= self._elapsed() + self._times.cooldown

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

    def _wait(self) -> int:
        """Return the whole seconds until keys may be fetched again."""
        remaining = self._times.cooldown - self._elapsed()
        return max(1, math.ceil(remaining)) if math.isfinite(remaining) else 1

    async def _fetch(self) -> None:
        """Fetch once for all who wait: whoever comes to the lock after a fetch has ended takes its result."""
        attempts = self._attempts
        async with self._lock:
            if self._attempts != attempts:
                return
            try:
                keys = _read(await self._document(), self._algorithms)
            finally:  # a cancelled attempt counts too, else every caller would ask a silent issuer again
                self._attempts += 1
                self._attempted_at = self._now()
            if isinstance(keys, Unavailable):
                _log.warning("issuer_keys_fetch_failed", fault=keys.detail)
                return
            self._keys = keys
            self._fetched_at = self._attempted_at


def _read(response: RemoteResponse | Unavailable, algorithms: frozenset[str]) -> PublishedKeys | Unavailable:
    """Return a response's usable keys (RFC 7517 section 5); Unavailable when there are none."""
    if isinstance(response, Unavailable):
        return response
    if response.status != HTTPStatus.OK:
        return Unavailable(f"the key set's address answered {response.status}")
    keys = read_key_set(response.body, algorithms)
    if keys is None:
        return Unavailable("the key set's address answered with something else than a key set")
    if not keys.by_algorithm:
        return Unavailable("the key set holds no key for the configured algorithms")
    return keys
