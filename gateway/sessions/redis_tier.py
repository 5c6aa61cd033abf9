"""The tier that processes share: sealed answers in Redis."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import msgspec
from typing_extensions import override

from gateway.model.answers import Rejected
from gateway.model.credential import Credential
from gateway.redis.border import RedisFault, execute
from gateway.redis.client import RedisClient
from gateway.redis.guarded import GuardedRedis
from gateway.sessions.cache_entry import CacheKeys
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.sealed_answers import SealedAnswers
from gateway.sessions.sealing import Sealer
from gateway.sessions.shared_tier import SharedEntry, SharedLookup, SharedRejection, SharedTier
from gateway.sessions.tombstones import Tombstones


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
        self._fingerprints = fingerprints
        self._sealed = SealedAnswers(tier.sealer, parts, fingerprints, tier.clock)
        self._allowance = tier.redis.allowance()
        self._claimed = False

    @override
    async def read(self) -> SharedEntry | SharedRejection | None:
        shared_entry = await self._tier.redis.ask(self._read, "read", self._allowance)
        return None if isinstance(shared_entry, RedisFault) else shared_entry

    @override
    async def claim(self, *, force: bool = False) -> bool:
        claimed = await self._tier.redis.ask(lambda client: self._claim(client, force=force), "lease", self._allowance)
        self._claimed = claimed is True
        return isinstance(claimed, RedisFault) or claimed

    @override
    async def release(self) -> None:
        if self._claimed:
            self._claimed = False
            await self._tier.redis.ask(lambda client: client.delete(self._claim_key), "lease", self._allowance)

    @override
    async def reject(self, rejected: Rejected, authority: str, *, lifetime: float) -> None:
        lifetime = min(lifetime, self._tier.claim_seconds)
        if not self._claimed or lifetime <= 0:
            await self.release()
            return
        self._claimed = False
        value = self._sealed.seal_rejection(rejected, authority)
        milliseconds = max(1, round(lifetime * 1000))
        await self._tier.redis.ask(
            lambda client: client.set(self._claim_key, value, px=milliseconds), "lease", self._allowance
        )

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

    async def _read(self, client: RedisClient) -> SharedEntry | SharedRejection | None:
        pipeline = client.pipeline(transaction=False)
        pipeline.get(self._claim_key)
        entry_keys = [self._tier.tombstones.entry_key(fingerprint) for fingerprint in self._fingerprints]
        for entry_key in entry_keys:
            pipeline.get(entry_key)
            pipeline.pttl(entry_key)
        keys = [self._claim_key, *(entry_key for entry_key in entry_keys for _ in range(2))]
        claim, *replies = await execute(pipeline, keys, client)
        rejection = self._sealed.open_rejection(claim, self._tier.claim_seconds) if claim is not None else None
        for position in range(len(self._fingerprints)):
            value, remaining = replies[2 * position : 2 * position + 2]
            shared_entry = self._sealed.open_entry(position, value, remaining) if value is not None else None
            if shared_entry is not None and (rejection is None or shared_entry.age < rejection.age):
                # a fill that was cut off leaves an unchecked answer behind, so reading checks too
                status = await self._status_of(client, shared_entry)
                return shared_entry if status is RevocationStatus.NONE else None
        return rejection

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
        value = self._sealed.seal_entry(shared_entry, lifetime)
        await client.set(self._entry_key, value, px=max(1, round(lifetime * 1000)))

    async def _claim(self, client: RedisClient, *, force: bool) -> bool:
        milliseconds = max(1, round(self._tier.claim_seconds * 1000))
        return bool(await client.set(self._claim_key, b"1", nx=not force, px=milliseconds))

    @property
    def _entry_key(self) -> str:
        return self._tier.tombstones.entry_key(self._fingerprints[0])

    @property
    def _claim_key(self) -> str:
        return f"{self._entry_key}:asked"
