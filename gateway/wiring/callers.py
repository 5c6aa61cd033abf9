"""What a config allows one caller, and which addresses are many callers."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config.settings import Settings
from gateway.endpoints.networks import Networks
from gateway.model.client_address import SOCKET_FILE, UNKNOWN_CLIENT
from gateway.upstream.late_bodies import CallerLimits


def many_callers(settings: Settings) -> Callable[[str], bool]:
    """Return what tells whether a peer is a proxy that is believed, with many callers behind it.

    So is a socket file, believed or not, and whom a proxy cannot name: they have no address to have a share by.
    """
    doors = (network for _, endpoint in settings.forward_auth.items() for network in endpoint.peers)
    return Networks((*settings.trusted_proxies, *doors, SOCKET_FILE, UNKNOWN_CLIENT)).include


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
