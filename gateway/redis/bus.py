"""Messages between replicas: Redis pub/sub that knows when it is not subscribed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import structlog
from redis.asyncio.connection import AbstractConnection

from gateway.redis.client import RedisClient, bus_connection
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_log = structlog.get_logger(__name__)

_PING_INTERVAL = 0.25  # seconds
_SILENCE = 0.7
"""Seconds without a message or the answer to a PING after which the bus counts as lost.

A silent network loss shows in no other way. With the interval of the PINGs, revocations can be missed for less than a
second.
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two attempts to connect


class Bus:
    """Subscribes to one channel and calls `on_message(payload)`, `on_subscribed()` and `on_lost()`.

    `on_subscribed` follows the server's confirmation, `on_lost` any error or silence; they alternate, beginning with
    `on_subscribed`. Callbacks run on the event loop and do not wait. Run `listen` in a task.
    """

    def __init__(
        self,
        client: RedisClient,
        channel: str,
        on_message: Callable[[bytes], None],
        on_lost: Callable[[], None],
        on_subscribed: Callable[[], None],
        metrics: ResolutionMetrics,
    ) -> None:
        self._client = client
        self._channel = channel
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_subscribed = on_subscribed
        self._metrics = metrics
        self._has_logged_loss = False
        self.subscribed = asyncio.Event()

    async def listen(self) -> None:
        """Listen until cancelled, and connect again after every loss."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # noqa: BLE001 - after any error nothing is received: fail closed
                if self.subscribed.is_set():
                    pause = _FIRST_PAUSE
                self._lost(type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _listen_once(self) -> None:
        async with asyncio.timeout(_SILENCE):
            connection = await bus_connection(self._client)
        try:
            async with asyncio.timeout(_SILENCE):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
                await connection.send_command("SUBSCRIBE", self._channel)
            await self._receive(connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _receive(self, connection: AbstractConnection) -> None:
        """Handle messages, and send a PING whenever none arrives for a while."""
        last = monotonic()
        while True:
            message = await connection.read_response(timeout=_PING_INTERVAL, disconnect_on_error=False)
            now = monotonic()
            if message is not None:
                last = now
                self._handle(message)
            elif now - last > _SILENCE:
                raise TimeoutError
            else:
                await connection.send_command("PING")

    def _handle(self, message: object) -> None:
        match message:
            case [b"message", _, bytes() as payload]:
                self._on_message(payload)
            case [b"subscribe", _, _]:
                self._confirmed()

    def _confirmed(self) -> None:
        self.subscribed.set()
        self._has_logged_loss = False
        _log.info("revocation_bus_subscribed")
        self._on_subscribed()

    def _lost(self, why: str) -> None:
        if not self._has_logged_loss:
            self._has_logged_loss = True
            _log.warning("revocation_bus_lost", fault=why)
        if self.subscribed.is_set():
            self.subscribed.clear()
            self._metrics.bus_lost()
            self._on_lost()
