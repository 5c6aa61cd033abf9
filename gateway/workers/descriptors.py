"""How many files and sockets this process may have, and how they are shared out among those who need some."""

from __future__ import annotations

import resource

import structlog

from gateway.config.settings import Settings

_log = structlog.get_logger(__name__)

KEPT_BACK = 256
"""For what is no caller's and no upstream's: ports for operators, Redis, authorities, the directory, files."""

_LEAST = 16
"""Callers, however few descriptors there are."""


def raise_limit() -> None:
    """Let this process have as many as it may give itself: a login shell's 1,024 are from the time of select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wanted(settings: Settings) -> int:
    """Return how many one process needs when every caller and every upstream has the connections that it may have."""
    callers, pool = settings.limits.connections, settings.upstreams
    upstreams = len({address for route in settings.routes for address in route.upstream})
    # A caller has one upstream at a time: streams are as many as callers at most, beside pools that are idle.
    outward = min(upstreams * (pool.connections + pool.streams), upstreams * pool.connections + callers)
    asking = settings.ext_authz.connections if settings.listen.grpc is not None else 0
    return callers + outward + asking + KEPT_BACK


def callers_within(settings: Settings, limit: int) -> int:
    """Return how many callers a process of `limit` descriptors may serve: each may need an upstream as well."""
    if wanted(settings) <= limit:
        return settings.limits.connections
    return max(_LEAST, min(settings.limits.connections, (limit - KEPT_BACK) // 2))


def current_limit() -> int:
    """Return how many this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def warn_if_short(settings: Settings) -> None:
    """Log that there are fewer than the config needs, and how many callers are served instead."""
    limit, needed = current_limit(), wanted(settings)
    if needed > limit:
        _log.warning("descriptors_short", limit=limit, wanted=needed, connections=callers_within(settings, limit))
