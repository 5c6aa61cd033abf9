"""News between replicas: plain pub/sub that knows when it cannot hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import structlog
from redis.asyncio.connection import AbstractConnection

from gateway.redis.client import RedisClient, bus_connection
from gateway.telemetry.resolution_metrics import ResolutionMetrics

_log = structlog.get_logger(__name__)

_PING_EVERY = 0.25
_SILENCE = 0.7
"""Seconds without a message or the answer to a PING after which the bus counts as lost. A silent network loss shows
in no other way, and with the interval of the PINGs a revocation goes unheard for less than
a second."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class Bus:
    """Listens on one channel and calls back: `on_message(payload)`, `on_lost()`, `on_heard()`.

    `on_heard` follows the server's confirmation of the subscription, `on_lost` any error or silence; they alternate,
    beginning with `on_heard`. Callbacks run on the event loop and do not wait. Run `listen` in a task.
    """

    def __init__(
        self,
        client: RedisClient,
        channel: str,
        on_message: Callable[[bytes], None],
        on_lost: Callable[[], None],
        on_heard: Callable[[], None],
        metrics: ResolutionMetrics,
    ) -> None:
        self._client = client
        self._channel = channel
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_heard = on_heard
        self._metrics = metrics
        self._complained = False
        self.heard = asyncio.Event()

    async def listen(self) -> None:
        """Listen until cancelled, connecting again after every loss."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing is heard now: fail closed
                if self.heard.is_set():
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
            await self._hear(connection)
        finally:
            await connection.disconnect(nowait=True)

    async def _hear(self, connection: AbstractConnection) -> None:
        """Take in what arrives, asking for a sign of life whenever nothing does."""
        last = monotonic()
        while True:
            message = await connection.read_response(timeout=_PING_EVERY, disconnect_on_error=False)
            now = monotonic()
            if message is not None:
                last = now
                self._take(message)
            elif now - last > _SILENCE:
                raise TimeoutError
            else:
                await connection.send_command("PING")

    def _take(self, message: object) -> None:
        match message:
            case [b"message", _, bytes() as payload]:
                self._on_message(payload)
            case [b"subscribe", _, _]:
                self._subscribed()

    def _subscribed(self) -> None:
        self.heard.set()
        self._complained = False
        _log.info("revocation_bus_subscribed")
        self._on_heard()

    def _lost(self, why: str) -> None:
        if not self._complained:
            self._complained = True
            _log.warning("revocation_bus_lost", fault=why)
        if self.heard.is_set():
            self.heard.clear()
            self._metrics.bus_lost()
            self._on_lost()
