"""The public port in one process: which generation serves it, and how it is left."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Sequence

import msgspec

from gateway.config.settings import LimitSettings, Settings, TelemetrySettings
from gateway.front.arrival import FrontLimits
from gateway.front.server import GatewayServer
from gateway.model.session import RevocationTarget
from gateway.telemetry.forwarding_metrics import StreamNumbers
from gateway.telemetry.logging import configure
from gateway.telemetry.redaction import Redactor
from gateway.wiring.active_generation import ActiveGeneration
from gateway.wiring.generation import Generation, open_generation
from gateway.wiring.process import Process
from gateway.workers.certificate import Certificate, load_certificate
from gateway.workers.control import RecordedRevocation
from gateway.workers.sockets import Sockets

_LATE = 0.25
"""Seconds that a process which is to end goes on accepting: what waits in the queue would be reset otherwise."""

_SETTLING = 0.1
"""Seconds after that, until connections that were accepted last, or whose TLS handshake runs, are counted."""

_SENDING = 2.0
"""Seconds beyond its patience that a process which is to end goes on sending spans: a collector may hang."""

_IDLE = 1.0
"""Seconds that connections without a request are left open at the end: a request may be on its way on any of them."""


class _Built(msgspec.Struct, frozen=True):
    """A generation that is whole and does not serve yet."""

    settings: Settings
    generation: Generation
    certificate: Certificate | None


class Worker:
    """Serves `sockets` from the first `swap` on; they are its own to close."""

    def __init__(self, process: Process, sockets: Sockets) -> None:
        self._process = process
        self._sockets = sockets
        self._stage = ActiveGeneration(process.tasks)
        self._built: _Built | None = None
        self._heard_meanwhile: list[RecordedRevocation] | None = None
        self._server: GatewayServer | None = None
        self._certificate: Certificate | None = None
        self._listening: list[asyncio.Server] = []
        self._hurried = asyncio.Event()

    async def build(self, settings: Settings, revoked: Sequence[RecordedRevocation]) -> None:
        """Build a generation and keep it aside; raises GatewayError, and then nothing has changed.

        `revoked` is what was ended before: a generation that has never heard of it would let it rise again.
        """
        self._heard_meanwhile = []
        try:
            await self.discard()
            tls = settings.listen.tls
            certificate = Certificate(load_certificate(tls)) if tls is not None else None
            generation = await open_generation(settings, self._process)
            for each in (*revoked, *self._heard_meanwhile):
                generation.identification.revoker.remember(each.ended, each.at)
        finally:
            self._heard_meanwhile = None
        self._built = _Built(settings, generation, certificate)

    async def swap(self) -> None:
        """Let the generation that was built serve; the first time, begin to listen."""
        if self._built is None:
            raise RuntimeError("there is no generation to swap to")
        built, self._built = self._built, None
        limits = front_limits(built.settings.limits)
        self._stage.swap(built.generation)
        self._process.forwarding_metrics.show(built.generation.upstreams.numbers, self.streams)
        self._process.resolution_metrics.show(built.generation.identification.standing)
        readers = built.generation.identification.readers.values()
        secret_names = [name for reader in readers for name in reader.headers | reader.cookies]
        configure_logging(built.settings.telemetry, self._process, secret_names)
        if self._server is None:
            await self._listen(limits, built.certificate)
            return
        self._server.limits = limits
        if self._certificate is not None and built.certificate is not None:
            self._certificate.use(built.certificate.context)

    async def discard(self) -> None:
        """Close a generation that was built and never served."""
        built, self._built = self._built, None
        if built is not None:
            await built.generation.close()

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End something in every generation: the earlier ones still have tunnels, and the next one will remember.

        True when the whole fleet was told.
        """
        if self._heard_meanwhile is not None:  # one that is being opened cannot be told yet
            self._heard_meanwhile.append(RecordedRevocation(ended, self._process.clock()))
        generations = list(self._stage.living())
        if self._built is not None:
            generations.append(self._built.generation)
        told = [await generation.identification.revoke(ended) for generation in generations]
        return all(told)

    async def drain(self, patience: float) -> None:
        """Let requests under way end within `patience` seconds, tell tunnels to go, and close everything.

        From the first moment on every answer closes its connection; then nothing new is accepted; then idle
        connections are closed; then the rest is cut.
        """
        self._process.draining = True
        await self.discard()
        if self._server is not None:
            self._server.drain()
            for generation in self._stage.living():
                generation.streams.drain()
            await self._leave(self._server, patience)
        for each in self._sockets:
            each.close()
        await self._stage.close()
        await self._send_traces()

    def cut(self) -> None:
        """Wait for nobody any more; `drain` is under way."""
        self._hurried.set()
        if self._server is not None:
            self._server.cut()

    def streams(self) -> StreamNumbers:
        """Count what is open on the callers' side, for metrics."""
        opened = [generation.streams for generation in self._stage.living()]
        return StreamNumbers(
            connections=len(self._server.connections) if self._server is not None else 0,
            tunnels=sum(each.count("tunnel") for each in opened),
            event_streams=sum(each.count("event_stream") for each in opened),
        )

    async def _leave(self, server: GatewayServer, patience: float) -> None:
        """Stop accepting, and wait for the connections."""
        late, settling = min(_LATE, patience / 2), min(_SETTLING, patience / 2)
        await self._pause(late)
        for listening in self._listening:
            listening.close()
        await self._pause(settling)
        left = patience - late - settling
        await server.close(left, min(_IDLE, left))

    async def _send_traces(self) -> None:
        """Send the spans that wait; every request has ended, so there will be no more."""
        if self._process.tracing is None:
            return
        sending = self._process.tasks.start(self._process.tracing.close(_SENDING), "sending of traces")
        hurried = self._process.tasks.start(self._hurried.wait(), "hurrying")
        await asyncio.wait({sending, hurried}, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    async def _listen(self, limits: FrontLimits, certificate: Certificate | None) -> None:
        loop = asyncio.get_running_loop()
        self._server = GatewayServer(self._stage.answer, limits, self._stage.refuse, self._process.clock)
        self._certificate = certificate
        for each in self._sockets:
            if certificate is None:
                listening = await loop.create_server(self._server, sock=each)
            else:
                listening = await loop.create_server(
                    self._server, sock=each, ssl=certificate.context, ssl_handshake_timeout=limits.head_timeout
                )
            self._listening.append(listening)
        self._process.serving = True


def configure_logging(settings: TelemetrySettings, process: Process, secret_names: Iterable[bytes]) -> None:
    """Send log lines where and how the config says; `secret_names` are the headers and cookies of credentials."""
    redactor = Redactor(name.decode("latin-1") for name in secret_names)
    colour = settings.format == "console" and sys.stdout.isatty()
    configure(settings.format, "info", process.lines, process.stamps, redactor, colour=colour)


def front_limits(limits: LimitSettings) -> FrontLimits:
    """Return what one connection may do."""
    return FrontLimits(
        head_bytes=limits.head_bytes,
        headers=limits.headers,
        target_bytes=limits.target_bytes,
        head_timeout=limits.head_timeout,
        body_stall=limits.body_stall,
        idle=limits.idle,
        connections=limits.connections,
    )
