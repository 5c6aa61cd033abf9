"""What replicas share through Redis, built from one config; without Redis, the local stand-ins."""

from __future__ import annotations

import msgspec

from gateway.config.settings import Settings
from gateway.credentials.fingerprint import purpose_key
from gateway.policy.limits import Limits, LocalLimits, SharedLimits
from gateway.redis.buckets import SharedBuckets
from gateway.redis.bus import Bus
from gateway.redis.client import RedisClient, connect
from gateway.redis.guarded import GuardedRedis
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.cache_entry import CacheKeys, CacheTimes
from gateway.sessions.memory import MemoryStore
from gateway.sessions.redis_tier import RedisTier
from gateway.sessions.revocation import RevocationLog
from gateway.sessions.revoker import PublishRevocation, RevocationPublisher, RevocationSubscriber, publish_to_nobody
from gateway.sessions.sealing import Sealer
from gateway.sessions.shared_tier import NoSharedTier, SharedTier
from gateway.sessions.tombstones import Tombstones
from gateway.wiring.process import Process

_LIMITS = b"gw limit"
"""The purpose of the key that hides whose rate limit a counter in Redis is."""


def secrets_of(settings: Settings) -> tuple[bytes, ...]:
    """Return the server secrets as bytes; what is written is written under the first."""
    return tuple(secret.get_secret_value().encode("utf-8") for secret in settings.secret)


def cache_times(settings: Settings) -> CacheTimes:
    """Return for how long answers are served."""
    return msgspec.convert(settings.cache, CacheTimes, from_attributes=True)


class RedisWiring:
    """The Redis client and what uses it; without `redis:` in the config nothing is shared."""

    def __init__(self, settings: Settings, process: Process, tasks: TaskKeeper) -> None:
        self._process = process
        self._tasks = tasks
        self._secrets = secrets_of(settings)
        self._client: RedisClient | None = None
        self._bus: Bus | None = None
        if settings.redis is not None:
            timeout, metrics = settings.redis.timeout, process.resolution_metrics
            self._client = connect(settings.redis.url.get_secret_value(), timeout)
            self._guarded = GuardedRedis(self._client, timeout, Breaker(process.now), tasks, metrics)
            self._key_prefix = settings.redis.key_prefix
            self._signature = BusSignature(self._secrets)
            self._tombstones = Tombstones(settings.redis.key_prefix, process.clock, self._signature)

    def publisher(self) -> PublishRevocation:
        """Return what sends revocations to the other replicas."""
        return publish_to_nobody if self._client is None else RevocationPublisher(self._client, self._tombstones)

    def shared_tier(self, keys: CacheKeys) -> SharedTier:
        """Return the cache that replicas share."""
        if self._client is None:
            return NoSharedTier()
        return RedisTier(
            redis=self._guarded,
            tombstones=self._tombstones,
            keys=keys,
            sealer=Sealer(self._secrets),
            clock=self._process.clock,
        )

    def limits(self) -> Limits:
        """Return the rate limits: counted by all replicas together where there is Redis, else by each process."""
        local = LocalLimits(self._process.now)
        if self._client is None:
            return local
        secret = purpose_key(self._secrets[0], _LIMITS)
        return SharedLimits(local, SharedBuckets(self._guarded, self._key_prefix, secret).take)

    def subscribe(self, revocation_log: RevocationLog, memory: MemoryStore) -> None:
        """Receive the revocations of other replicas from now on."""
        if self._client is None:
            return
        metrics = self._process.resolution_metrics
        subscriber = RevocationSubscriber(revocation_log, memory, metrics, self._process.clock, self._signature)
        callbacks = subscriber.on_message, subscriber.on_lost, subscriber.on_subscribed
        self._bus = Bus(self._client, self._tombstones.channel, *callbacks, metrics)
        self._tasks.start(self._bus.listen(), "revocation bus")

    def redis_up(self) -> bool | None:
        """Return whether Redis is asked; None without Redis."""
        return None if self._client is None else self._guarded.reachable

    def bus_up(self) -> bool | None:
        """Return whether revocations of other replicas are received; None without Redis."""
        return None if self._bus is None else self._bus.subscribed.is_set()

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._client is not None:
            await self._client.aclose()
