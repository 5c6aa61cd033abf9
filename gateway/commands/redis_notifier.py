"""Notifies running gateways through Redis, as one of them notifies the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from prometheus_client import CollectorRegistry

from gateway.config.settings import RedisSettings, Settings
from gateway.redis.client import connect
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.revocation import RevocationKeys, RevocationLog
from gateway.sessions.revoker import RevocationPublisher, Revoker
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from gateway.wiring.clock import wall_clock
from gateway.wiring.redis import cache_times, secrets_of

_REDIS_SECONDS = 1.0
"""For one operation of Redis: a person waits here and not a request, so it is more than `redis.timeout`."""


@asynccontextmanager
async def open_redis_notifier(settings: Settings, redis: RedisSettings) -> AsyncIterator[Revoker]:
    """Yield what revokes in every gateway of this Redis, and close its connections."""
    client = connect(redis.url.get_secret_value(), max(redis.timeout, _REDIS_SECONDS))
    tombstones = Tombstones(redis.key_prefix, wall_clock, BusSignature(secrets_of(settings)))
    try:
        yield Revoker(
            RevocationKeys(secrets_of(settings)),
            RevocationLog(monotonic),
            cache_times(settings),
            wall_clock,
            ResolutionMetrics(CollectorRegistry()),
            RevocationPublisher(client, tombstones),
        )
    finally:
        await client.aclose()
