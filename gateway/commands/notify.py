"""How a command notifies running gateways: through Redis where the config has it, else over the admin port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import monotonic
from typing import Protocol

from aiohttp import ClientError
from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateway.commands.admin_port import admin_client
from gateway.config.settings import ListenSettings, Settings
from gateway.model.session import RevocationTarget
from gateway.redis.client import connect
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.revocation import RevocationKeys, RevocationLog
from gateway.sessions.revoker import RevocationPublisher, Revoker
from gateway.sessions.tombstones import Tombstones
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from gateway.wiring.process import wall_clock
from gateway.wiring.redis import cache_times, secrets_of

_REDIS_SECONDS = 1.0
"""For one operation of Redis: a person waits here and not a request, so it is more than `redis.timeout`."""


class GatewayNotifier(Protocol):
    """Notifies the gateways that run with a config. Each call returns whether all were notified, and does not raise."""

    async def revoke(self, target: RevocationTarget) -> bool:
        """Revoke in every gateway, for good."""

    async def changed(self, target: RevocationTarget) -> bool:
        """Drop what every gateway has cached of `target`, because its row in the directory changed."""


@asynccontextmanager
async def open_notifier(settings: Settings) -> AsyncIterator[GatewayNotifier]:
    """Yield what notifies the gateways of a config, and close its connections."""
    if settings.redis is None:
        yield _AdminPortNotifier(settings.listen)
        return
    client = connect(settings.redis.url.get_secret_value(), max(settings.redis.timeout, _REDIS_SECONDS))
    tombstones = Tombstones(settings.redis.key_prefix, wall_clock, BusSignature(secrets_of(settings)))
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


class _AdminPortNotifier(GatewayNotifier):
    """Notifies the one gateway that listens at `listen.admin`; without Redis no others share its sessions."""

    def __init__(self, listen: ListenSettings) -> None:
        self._listen = listen
        self._token = next(iter(listen.admin_token), None)

    @override
    async def revoke(self, target: RevocationTarget) -> bool:
        return await self._post("/revoke", target)

    @override
    async def changed(self, target: RevocationTarget) -> bool:
        return await self._post("/v1/changes", target)

    async def _post(self, path: str, target: RevocationTarget) -> bool:
        if self._token is None:
            return False
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        try:
            async with (
                admin_client(self._listen) as client,
                client.post(
                    path, json={target.kind.value: target.id}, headers=headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status == HTTPStatus.OK
        except (TimeoutError, ClientError, OSError):
            return False
