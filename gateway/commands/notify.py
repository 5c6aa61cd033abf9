"""How a command tells the gateways that run: over Redis where the config has it, else over the admin port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from prometheus_client import CollectorRegistry

from gateway.config.settings import ListenSettings, Settings
from gateway.model.session import RevocationTarget
from gateway.redis.client import connect
from gateway.sessions.cache_keys import RevocationKeys
from gateway.sessions.revocation import RevocationLog
from gateway.sessions.revoker import RevocationPublisher, Revoker
from gateway.sessions.tombstones import Tombstones
from gateway.source.addresses import ListenAddress
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from gateway.wiring.process import wall_clock
from gateway.wiring.redis import cache_times, secrets_of

_PATIENCE = 1.0
"""Seconds for one step with Redis: a person waits here, not a request, so more than `redis.timeout`."""

_ADMIN_TIMEOUT = 10.0
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - who listens everywhere is reached here


class Fleet(Protocol):
    """Whoever runs with this config. Each answer tells whether everybody was told; nothing is raised for a fault."""

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End it for good."""

    async def changed(self, ended: RevocationTarget) -> bool:
        """Forget what is cached of it, since its row in the directory changed."""


@asynccontextmanager
async def open_fleet(settings: Settings) -> AsyncIterator[Fleet]:
    """Hand out a way to tell everybody."""
    if settings.redis is None:
        yield _OverAdminPort(settings.listen)
        return
    client = connect(settings.redis.url.get_secret_value(), max(settings.redis.timeout, _PATIENCE))
    try:
        yield Revoker(
            RevocationKeys(secrets_of(settings)),
            RevocationLog(wall_clock),
            cache_times(settings),
            wall_clock,
            ResolutionMetrics(CollectorRegistry()),
            RevocationPublisher(client, Tombstones(settings.redis.key_prefix, wall_clock)),
        )
    finally:
        await client.aclose()


class _OverAdminPort:
    """Tells the one gateway that listens at `listen.admin`: without Redis there is no other to hear of it."""

    def __init__(self, listen: ListenSettings) -> None:
        host = _HERE.get(listen.admin.host, listen.admin.host)
        self._url = f"http://{ListenAddress(host, listen.admin.port)}/revoke"
        self._token = next(iter(listen.admin_token), None)

    async def revoke(self, ended: RevocationTarget) -> bool:
        """Ask for it as anybody may who has the admin token; without one nobody can be told."""
        if self._token is None:
            return False
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        timeout = ClientTimeout(total=_ADMIN_TIMEOUT)
        try:
            async with (
                ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as client,
                client.post(
                    self._url, json={ended.kind.value: ended.id}, headers=headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status == HTTPStatus.OK
        except (TimeoutError, ClientError, OSError):
            return False

    async def changed(self, ended: RevocationTarget) -> bool:  # noqa: ARG002 - the protocol's
        """Tell nobody: the admin port ends things for good, and a changed row is no reason for that."""
        return False
