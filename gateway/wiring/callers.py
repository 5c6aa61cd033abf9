"""What a config allows one caller, and which addresses are many callers."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config.settings import Settings
from gateway.endpoints.networks import Networks
from gateway.upstream.late_bodies import CallerLimits


def many_callers(settings: Settings) -> Callable[[str], bool]:
    """Return what tells whether an address is a proxy's that is believed, with many callers behind it."""
    doors = (network for _, endpoint in settings.forward_auth.endpoints() for network in endpoint.peers)
    return Networks((*settings.trusted_proxies, *doors)).include


def caller_limits(settings: Settings) -> CallerLimits:
    """Return what a caller may keep others waiting with."""
    limits = settings.limits
    return CallerLimits(
        limits.bodies_per_address,
        limits.buffered_bytes,
        limits.least_rate,
        limits.body_wait,
        is_many=many_callers(settings),
    )
