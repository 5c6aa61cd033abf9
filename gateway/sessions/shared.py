"""The tier that processes share: sealed answers in Redis."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import msgspec

from gateway.model.credential import Credential
from gateway.model.decoding import UNDECODABLE
from gateway.redis.client import RedisClient
from gateway.redis.guarded import GuardedRedis, RedisFault
from gateway.sessions.cache_entry import decode, encode, ends_at
from gateway.sessions.cache_keys import CacheKeys
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.sealing import Sealer
from gateway.sessions.tier import SharedEntry
from gateway.sessions.tombstones import Tombstones


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed. Ages are durations, so that replicas' clocks need not agree.

    `took`: seconds from the beginning of the look-up to the storing; `life`: seconds that it was stored for, from
    which the server's countdown tells how long ago that was.
    """

    fingerprint: bytes
    found: bytes
    authority: str
    took: float
    life: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Sealed)


class SharedSessions:
    """Makes visits; see `tier.SharedTier`.

    `claim_seconds` is how long one process may keep the others from asking the authority. `clock` is in epoch seconds.
    """

    def __init__(
        self,
        *,
        redis: GuardedRedis,
        tombstones: Tombstones,
        names: CacheKeys,
        sealer: Sealer,
        clock: Callable[[], float],
        claim_seconds: float = 2.0,
    ) -> None:
        self.redis = redis
        self.tombstones = tombstones
        self.names = names
        self.sealer = sealer
        self.clock = clock
        self.claim_seconds = claim_seconds

    def visit(self, credential: Credential) -> SharedVisit:
        """Begin one look-up."""
        return SharedVisit(self, credential.parts, self.names.of(credential))


class SharedVisit:
    """One look-up's dealings with Redis; see `tier.Visit`. All of them together wait no longer than the allowance."""

    def __init__(self, shared: SharedSessions, parts: tuple[str, ...], fingerprints: tuple[bytes, ...]) -> None:
        self._shared = shared
        self._parts = parts
        self._fingerprints = fingerprints
        self._allowance = shared.redis.allowance()
        self._claimed = False

    async def read(self) -> SharedEntry | None:
        """Return the answer that is held under any secret and that no revocation touches."""
        held = await self._shared.redis.ask(self._read, "read", self._allowance)
        return None if isinstance(held, RedisFault) else held

    async def claim(self) -> bool:
        """Tell whether this process is to ask the authority."""
        claimed = await self._shared.redis.ask(self._claim, "lease", self._allowance)
        self._claimed = claimed is True
        return isinstance(claimed, RedisFault) or claimed

    async def release(self) -> None:
        """Let other processes ask."""
        if self._claimed:
            self._claimed = False
            await self._shared.redis.ask(lambda client: client.delete(self._claim_key), "lease", self._allowance)

    async def fill(self, held: SharedEntry, *, lifetime: float, share: bool) -> RevocationStatus | None:
        """Index, store, then read the tombstones: in this order, so that no revocation slips through between.

        A server that cannot write (out of memory, read-only) may still be able to tell its tombstones.
        """
        began = monotonic() - held.age

        async def work(client: RedisClient) -> RevocationStatus:
            handles = self._shared.names.ended_by(held.found, self._fingerprints)
            await self._index(client, handles, held, lifetime, share=share)
            if share:
                await self._store(client, held, lifetime)
            status = await self._shared.tombstones.status_of(client, handles, held.found, monotonic() - began)
            if share and status is not RevocationStatus.NONE:
                await client.unlink(self._entry_key)
            return status

        status = await self._shared.redis.ask(work, "fill", self._allowance)
        await self.release()
        if isinstance(status, RedisFault):
            return await self.status_of(msgspec.structs.replace(held, age=monotonic() - began))
        return status

    async def status_of(self, held: SharedEntry) -> RevocationStatus | None:
        """Return the status of an answer, and store nothing; None when nobody can tell."""
        status = await self._shared.redis.ask(lambda client: self._status_of(client, held), "read", self._allowance)
        return None if isinstance(status, RedisFault) else status

    async def drop(self) -> None:
        """Take the answer away under every secret."""

        async def work(client: RedisClient) -> None:
            for fingerprint in self._fingerprints:
                await client.unlink(self._shared.tombstones.entry_key(fingerprint))

        await self._shared.redis.ask(work, "drop", self._allowance)

    async def _read(self, client: RedisClient) -> SharedEntry | None:
        pipeline = client.pipeline(transaction=False)
        for fingerprint in self._fingerprints:
            pipeline.get(self._shared.tombstones.entry_key(fingerprint))
            pipeline.pttl(self._shared.tombstones.entry_key(fingerprint))
        replies = await pipeline.execute()
        for position, fingerprint in enumerate(self._fingerprints):
            value, remaining = replies[2 * position : 2 * position + 2]
            held = self._open(position, fingerprint, value, remaining) if value is not None else None
            if held is not None:
                # checked on reading too: a fill whose last steps were lost leaves an unchecked answer behind
                return held if await self._status_of(client, held) is RevocationStatus.NONE else None
        return None

    def _open(self, position: int, fingerprint: bytes, value: bytes, remaining: int) -> SharedEntry | None:
        """Open one value; None for garbage, for another's, and for what another version wrote."""
        plain = self._shared.sealer.open(position, self._parts, fingerprint, value)
        if plain is None:
            return None
        try:
            sealed = _decoder.decode(plain)
            found = decode(sealed.found)
        except UNDECODABLE:
            return None
        if sealed.fingerprint != fingerprint or remaining < 0 or ends_at(found) <= self._shared.clock():
            return None
        return SharedEntry(found, sealed.authority, max(0.0, sealed.took + sealed.life - remaining / 1000))

    async def _status_of(self, client: RedisClient, held: SharedEntry) -> RevocationStatus:
        handles = self._shared.names.ended_by(held.found, self._fingerprints)
        return await self._shared.tombstones.status_of(client, handles, held.found, held.age)

    async def _index(
        self, client: RedisClient, handles: tuple[bytes, ...], held: SharedEntry, lifetime: float, *, share: bool
    ) -> None:
        """Make the answer known to revocations as long as it may count anywhere.

        That is the token's own expiry when it has one, so that a revocation knows how long to be remembered.
        """
        stored_until = self._shared.clock() + lifetime
        own_end = held.found.expires_at.timestamp() if held.found.expires_at is not None else stored_until
        until = max(stored_until, own_end) if share else own_end
        await self._shared.tombstones.index(client, handles, self._fingerprints[0], until)

    async def _store(self, client: RedisClient, held: SharedEntry, lifetime: float) -> None:
        sealed = _Sealed(self._fingerprints[0], encode(held.found), held.authority, held.age, lifetime)
        value = self._shared.sealer.seal(self._parts, self._fingerprints[0], _encoder.encode(sealed))
        await client.set(self._entry_key, value, px=max(1, round(lifetime * 1000)))

    async def _claim(self, client: RedisClient) -> bool:
        milliseconds = max(1, round(self._shared.claim_seconds * 1000))
        return bool(await client.set(self._claim_key, b"1", nx=True, px=milliseconds))

    @property
    def _entry_key(self) -> str:
        return self._shared.tombstones.entry_key(self._fingerprints[0])

    @property
    def _claim_key(self) -> str:
        return f"{self._entry_key}:asked"
