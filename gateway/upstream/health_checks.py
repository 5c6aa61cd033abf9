"""Asks an upstream now and then whether it serves, so that no caller has to find out that it does not."""

from __future__ import annotations

import asyncio
from random import random

import structlog

from gateway.http1.faults import ExchangeError
from gateway.http1.response_head import ResponseHead
from gateway.model.route import HealthCheck
from gateway.upstream.connector import Connector

_AGENT = "session-gateway-health"
_SERVES = range(200, 400)
_JITTER = 0.2
"""The part of an interval by which it varies, so that workers and replicas do not ask all at once."""

_log = structlog.get_logger(__name__)


class HealthChecks:
    """The checks of one upstream, over connections of their own; `failing` tells what came of them.

    An upstream serves until it has failed `check.failures` times in a row, and then again when it has answered
    `check.successes` times in a row. An answer is any status from 200 to 399 within `check.timeout` seconds.
    """

    def __init__(self, connector: Connector, check: HealthCheck, label: str, host: str) -> None:
        self._connector = connector
        self._check = check
        self._label = label
        line = f"GET {connector.address.path}{check.path} HTTP/1.1"
        lines = (line, f"Host: {host}", f"User-Agent: {_AGENT}", "Connection: close", "", "")
        self._request = "\r\n".join(lines).encode("ascii")
        self._in_a_row = 0
        self.failing = False

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            self._note(await self._answers())
            await asyncio.sleep(self._check.interval * (1 - _JITTER * random()))  # noqa: S311 - no secret

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._check.timeout):
                connection = await self._connector.connect()
                try:
                    sink = _StatusSink()
                    connection.begin(sink, head_request=False, upgrading=False)
                    connection.write(self._request)
                    return await sink.status in _SERVES
                finally:
                    connection.abort()
        except (ExchangeError, TimeoutError):
            return False

    def _note(self, answers: bool) -> None:  # noqa: FBT001 - what the one question came to
        if answers is not self.failing:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= (self._check.successes if self.failing else self._check.failures):
            self._in_a_row = 0
            self.failing = not self.failing
            log = _log.warning if self.failing else _log.info
            log("upstream_failing" if self.failing else "upstream_serves_again", upstream=self._label)


class _StatusSink:
    """The ResponseSink of a check: all that counts is the status."""

    def __init__(self) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def whole(self, head: ResponseHead, body: bytes) -> None:
        """Take the status."""
        del body
        self.head(head)

    def head(self, head: ResponseHead) -> None:
        """Take the status."""
        if not self.status.done():
            self.status.set_result(head.status)

    def body(self, data: bytes) -> None:
        """Drop it."""

    def flush(self) -> None:
        """Do nothing: there is nothing to send."""

    def end(self) -> None:
        """Do nothing: the status was taken."""

    def fail(self, error: ExchangeError) -> None:
        """Say that there is none."""
        if not self.status.done():
            self.status.set_exception(error)

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        """Do nothing: a change of protocols that nobody asked for is a fault."""

    def expired(self) -> None:
        """Do nothing: a check has its own timeout."""
