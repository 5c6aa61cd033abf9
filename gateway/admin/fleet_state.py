"""What is wrong right now: the state of processes, Redis, authorities and upstreams, out of their metrics."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gateway.admin.fleet_hooks import FleetHooks
from gateway.telemetry.exposition import Snapshot

_REDIS, _BUS = "gateway_redis_up", "gateway_revocation_bus_up"
_WORKERS, _WANTED = "gateway_workers", "gateway_workers_wanted"
_AUTHORITY, _UPSTREAM = "gateway_authority_breaker_open", "gateway_upstream_available"


class PartState(msgspec.Struct, frozen=True):
    """An authority or an upstream, and whether it is asked."""

    name: str
    up: bool


class FleetState(msgspec.Struct, frozen=True, kw_only=True):
    """`problems` are sentences for people; without Redis its two are null."""

    workers: int
    workers_wanted: int
    redis: bool | None
    revocation_bus: bool | None
    authorities: tuple[PartState, ...]
    upstreams: tuple[PartState, ...]
    problems: tuple[str, ...]


async def state_of(fleet: FleetHooks) -> FleetState:
    """Return the state of this moment."""
    metrics = await fleet.collect()
    redis, bus = (next((value > 0 for _, value in _samples(metrics, name)), None) for name in (_REDIS, _BUS))
    authorities = tuple(PartState(name, not value) for name, value in _samples(metrics, _AUTHORITY))
    upstreams = tuple(PartState(name, value > 0) for name, value in _samples(metrics, _UPSTREAM))
    serving, wanted = (int(sum(value for _, value in _samples(metrics, name))) for name in (_WORKERS, _WANTED))
    problems = [f"{serving} of {wanted} workers serve"] if serving < wanted else []
    problems += ["Redis is not asked: it did not answer"] if redis is False else []
    problems += ["revocations of other replicas are not heard"] if bus is False else []
    problems += [f"authority {each.name} is not asked: it did not answer" for each in authorities if not each.up]
    problems += [f"upstream {each.name} is left out" for each in upstreams if not each.up]
    return FleetState(
        workers=serving,
        workers_wanted=wanted,
        redis=redis,
        revocation_bus=bus,
        authorities=authorities,
        upstreams=upstreams,
        problems=tuple(problems),
    )


def _samples(metrics: Snapshot, name: str) -> Iterator[tuple[str, float]]:
    """Yield what the labels of a family name, and its values."""
    for family in metrics:
        if family.name == name:
            for sample in family.samples:
                yield " ".join(value for _, value in sample.labels), sample.value
