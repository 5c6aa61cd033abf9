"""The tier that processes share: sealed answers in Redis."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import msgspec
from typing_extensions import override

from gateway.model.credential import Credential
from gateway.model.errors import UNDECODABLE
from gateway.redis.client import RedisClient
from gateway.redis.guarded import GuardedRedis, RedisFault
from gateway.sessions.cache_entry import CacheKeys, decode, encode, ends_at
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.sealing import Sealer
from gateway.sessions.shared_tier import SharedEntry, SharedLookup, SharedTier
from gateway.sessions.tombstones import Tombstones


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed. Ages are durations, so that replicas' clocks need not agree.

    `age`: seconds from the beginning of the look-up to the storing; `life`: seconds that it was stored for, from
    which the server's countdown says how long ago that was.
    """

    fingerprint: bytes
    found: bytes
    authority: str
    age: float
    life: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Sealed)


class RedisTier(SharedTier):
    """Begins look-ups in Redis.

    `claim_seconds` is how long one process may keep the others from asking the authority. `clock` is in epoch seconds.
    """

    def __init__(
        self,
        *,
        redis: GuardedRedis,
        tombstones: Tombstones,
        keys: CacheKeys,
        sealer: Sealer,
        clock: Callable[[], float],
        claim_seconds: float = 2.0,
    ) -> None:
        self.redis = redis
        self.tombstones = tombstones
        self.keys = keys
        self.sealer = sealer
        self.clock = clock
        self.claim_seconds = claim_seconds

    @override
    def lookup(self, credential: Credential) -> RedisLookup:
        return RedisLookup(self, credential.parts, self.keys.fingerprints(credential))


class RedisLookup(SharedLookup):
    """One look-up in Redis; all its commands together wait no longer than the tier's allowance.

    `fingerprints` are those of every server secret: the first is written, all are read and deleted.
    """

    def __init__(self, tier: RedisTier, parts: tuple[str, ...], fingerprints: tuple[bytes, ...]) -> None:
        self._tier = tier
        self._parts = parts
        self._fingerprints = fingerprints
        self._allowance = tier.redis.allowance()
        self._claimed = False

    @override
    async def read(self) -> SharedEntry | None:
        shared_entry = await self._tier.redis.ask(self._read, "read", self._allowance)
        return None if isinstance(shared_entry, RedisFault) else shared_entry

    @override
    async def claim(self) -> bool:
        claimed = await self._tier.redis.ask(self._claim, "lease", self._allowance)
        self._claimed = claimed is True
        return isinstance(claimed, RedisFault) or claimed

    @override
    async def release(self) -> None:
        if self._claimed:
            self._claimed = False
            await self._tier.redis.ask(lambda client: client.delete(self._claim_key), "lease", self._allowance)

    @override
    async def fill(self, shared_entry: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus | None:
        """Index, store, then read the tombstones: in this order, so that no revocation slips through between.

        A server that cannot write (out of memory, read-only) may still be able to read its tombstones.
        """
        began = monotonic() - shared_entry.age

        async def work(client: RedisClient) -> RevocationStatus:
            keys = self._tier.keys.revocation_keys.of_answer(shared_entry.found, self._fingerprints)
            await self._index(client, keys, shared_entry, lifetime, share=share)
            if share:
                await self._store(client, shared_entry, lifetime)
            age = monotonic() - began
            status = await self._tier.tombstones.status_of(client, keys, shared_entry.found, age)
            if share and status is not RevocationStatus.NONE:
                await client.unlink(self._entry_key)
            return status

        status = await self._tier.redis.ask(work, "fill", self._allowance)
        await self.release()
        if isinstance(status, RedisFault):
            return await self.status_of(msgspec.structs.replace(shared_entry, age=monotonic() - began))
        return status

    @override
    async def status_of(self, shared_entry: SharedEntry) -> RevocationStatus | None:
        status = await self._tier.redis.ask(
            lambda client: self._status_of(client, shared_entry), "read", self._allowance
        )
        return None if isinstance(status, RedisFault) else status

    @override
    async def drop(self) -> None:
        async def work(client: RedisClient) -> None:
            for fingerprint in self._fingerprints:
                await client.unlink(self._tier.tombstones.entry_key(fingerprint))

        await self._tier.redis.ask(work, "drop", self._allowance)

    async def _read(self, client: RedisClient) -> SharedEntry | None:
        pipeline = client.pipeline(transaction=False)
        for fingerprint in self._fingerprints:
            pipeline.get(self._tier.tombstones.entry_key(fingerprint))
            pipeline.pttl(self._tier.tombstones.entry_key(fingerprint))
        replies = await pipeline.execute()
        for position, fingerprint in enumerate(self._fingerprints):
            value, remaining = replies[2 * position : 2 * position + 2]
            shared_entry = self._open(position, fingerprint, value, remaining) if value is not None else None
            if shared_entry is not None:
                # a fill that was cut off leaves an unchecked answer behind, so reading checks too
                status = await self._status_of(client, shared_entry)
                return shared_entry if status is RevocationStatus.NONE else None
        return None

    def _open(self, position: int, fingerprint: bytes, value: bytes, remaining: int) -> SharedEntry | None:
        """Open one value, which lives `remaining` ms more; None for garbage, another's, or another version's."""
        plain = self._tier.sealer.open(position, self._parts, fingerprint, value)
        if plain is None:
            return None
        try:
            sealed = _decoder.decode(plain)
            found = decode(sealed.found)
        except UNDECODABLE:
            return None
        if sealed.fingerprint != fingerprint or remaining < 0 or ends_at(found) <= self._tier.clock():
            return None
        return SharedEntry(found, sealed.authority, max(0.0, sealed.age + sealed.life - remaining / 1000))

    async def _status_of(self, client: RedisClient, shared_entry: SharedEntry) -> RevocationStatus:
        keys = self._tier.keys.revocation_keys.of_answer(shared_entry.found, self._fingerprints)
        return await self._tier.tombstones.status_of(client, keys, shared_entry.found, shared_entry.age)

    async def _index(
        self, client: RedisClient, keys: tuple[bytes, ...], shared_entry: SharedEntry, lifetime: float, *, share: bool
    ) -> None:
        """Make the answer known to revocations as long as it may count anywhere.

        That is the token's own expiry when it has one, so that a revocation knows how long to be remembered.
        """
        stored_until = self._tier.clock() + lifetime
        expires_at = shared_entry.found.expires_at
        token_until = expires_at.timestamp() if expires_at is not None else stored_until
        until = max(stored_until, token_until) if share else token_until
        await self._tier.tombstones.index(client, keys, self._fingerprints[0], until)

    async def _store(self, client: RedisClient, shared_entry: SharedEntry, lifetime: float) -> None:
        fingerprint = self._fingerprints[0]
        sealed = _Sealed(fingerprint, encode(shared_entry.found), shared_entry.authority, shared_entry.age, lifetime)
        value = self._tier.sealer.seal(self._parts, fingerprint, _encoder.encode(sealed))
        await client.set(self._entry_key, value, px=max(1, round(lifetime * 1000)))

    async def _claim(self, client: RedisClient) -> bool:
        milliseconds = max(1, round(self._tier.claim_seconds * 1000))
        return bool(await client.set(self._claim_key, b"1", nx=True, px=milliseconds))

    @property
    def _entry_key(self) -> str:
        return self._tier.tombstones.entry_key(self._fingerprints[0])

    @property
    def _claim_key(self) -> str:
        return f"{self._entry_key}:asked"
