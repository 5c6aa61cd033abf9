"""How a command notifies running gateways: through Redis where the config has it, else over the admin port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.commands.admin_port import ask_admin_port
from gateway.config.settings import ListenSettings, Settings
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget


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
    # only where there is a Redis: its client takes a quarter of a second to load
    from gateway.commands.redis_notifier import open_redis_notifier  # noqa: PLC0415 - see above

    async with open_redis_notifier(settings, settings.redis) as notifier:
        yield notifier


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
        fields = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Content-Type": "application/json"}
        body = msgspec.json.encode({target.kind.value: target.id})
        try:
            answer = await ask_admin_port(self._listen, "POST", path, body, fields)
        except GatewayError:
            return False
        return answer.status == HTTPStatus.OK
