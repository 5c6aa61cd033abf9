"""The public port in one process: which generation serves it, and how it drains."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Sequence

import msgspec

from gateway.admin.fleet_hooks import FleetHooks
from gateway.config.settings import Settings, TelemetrySettings
from gateway.endpoints.networks import Networks
from gateway.front.handshakes import HandshakeListener
from gateway.front.server import GatewayServer
from gateway.front.serving import FrontLimits
from gateway.model.session import RevocationTarget
from gateway.telemetry.forwarding_metrics import StreamNumbers
from gateway.telemetry.logging import configure
from gateway.telemetry.redaction import Redactor
from gateway.wiring.active_generation import ActiveGeneration
from gateway.wiring.admin_generation import open_public_admin
from gateway.wiring.callers import many_callers
from gateway.wiring.generation import Generation, open_generation
from gateway.wiring.process import Process
from gateway.workers.control import ChannelClosedError, RecordedRevocation
from gateway.workers.descriptors import callers_within, current_limit
from gateway.workers.grpc_port import GrpcPort
from gateway.workers.sockets import Certificate, Sockets, accept, load_certificate

_ACCEPT_SECONDS = 0.25
"""For which a draining process goes on accepting: connections that wait in the kernel's queue would be reset."""

_SETTLE_SECONDS = 0.1
"""After that, until the connections accepted last, or whose TLS handshake runs, are counted."""

_IDLE_SECONDS = 1.0
"""For which connections without a request are left open at the end: a request may be on its way on any of them."""

_TRACES_SECONDS = 2.0
"""Beyond its grace, for which a draining process goes on sending spans: a collector may hang."""


class _BuiltGeneration(msgspec.Struct, frozen=True):
    """A generation that is complete and does not serve yet."""

    settings: Settings
    generation: Generation
    certificate: Certificate | None


class Worker:
    """Serves `sockets`, and Envoy's questions at `grpc`, from the first `swap` on, and closes them.

    `fleet` is all processes, which the API asks.
    """

    def __init__(self, process: Process, sockets: Sockets, grpc: Sockets = ()) -> None:
        self._process = process
        self._sockets = sockets
        self.fleet: FleetHooks | None = None
        self._active = ActiveGeneration(process.tasks)
        self._grpc = GrpcPort(grpc, self._active)
        self._built: _BuiltGeneration | None = None
        self._revoked_while_building: list[RecordedRevocation] | None = None
        self._server: GatewayServer | None = None
        self._certificate: Certificate | None = None
        self._listening: list[asyncio.AbstractServer | HandshakeListener] = []
        self._cut = asyncio.Event()
        process.tell_others = self.tell

    async def build(self, settings: Settings, revocations: Sequence[RecordedRevocation]) -> None:
        """Build a generation and keep it aside; raises GatewayError, and then nothing has changed.

        It starts out with `revocations`, which were made before: else a revoked token would be accepted again.
        """
        self._revoked_while_building = []
        try:
            await self.discard()
            tls = settings.listen.tls
            certificate = Certificate(load_certificate(tls)) if tls is not None else None
            generation = await open_generation(settings, self._process)
            if self.fleet is not None:
                await open_public_admin(settings, self._process, generation, self.fleet)
            for revocation in (*revocations, *self._revoked_while_building):
                generation.sessions.revoker.remember(revocation.target, revocation.at)
        finally:
            self._revoked_while_building = None
        self._built = _BuiltGeneration(settings, generation, certificate)

    async def swap(self) -> None:
        """Let the generation that was built serve; the first time, begin to listen. Raises RuntimeError without one."""
        if self._built is None:
            raise RuntimeError("there is no generation to swap to")
        built, self._built = self._built, None
        limits, is_many = front_limits(built.settings), many_callers(built.settings)
        is_proxy = Networks(built.settings.trusted_proxies).include
        sessions = built.generation.sessions
        self._active.swap(built.generation)
        self._process.forwarding_metrics.read_from(built.generation.upstreams.numbers, self.streams)
        self._process.resolution_metrics.read_from(sessions.state)
        secret_names = [name for reader in sessions.readers.values() for name in reader.headers | reader.cookies]
        configure_logging(built.settings.telemetry, self._process, secret_names)
        if self._server is None:
            self._server = GatewayServer(self._active, limits, self._process.clock, is_many, is_proxy)
            await self._grpc.apply(built.settings, self._server.blocks)
            await self._listen(self._server, built.certificate, headers=built.settings.listen.proxy_protocol)
            return
        self._server.apply(limits, is_many, is_proxy)
        await self._grpc.apply(built.settings, self._server.blocks)
        if self._certificate is not None and built.certificate is not None:
            self._certificate.use(built.certificate.context)

    async def discard(self) -> None:
        """Close a generation that was built and never served."""
        built, self._built = self._built, None
        if built is not None:
            await built.generation.close()

    async def revoke(self, target: RevocationTarget) -> bool:
        """Revoke in every generation: earlier ones still have tunnels, and the one that is built has to know it later.

        Return whether it took effect here and in Redis.
        """
        if self._revoked_while_building is not None:
            self._revoked_while_building.append(RecordedRevocation(target, self._process.clock()))
        generations = list(self._active.generations())
        if self._built is not None:
            generations.append(self._built.generation)
        complete = [await generation.sessions.revoker.revoke(target) for generation in generations]
        return all(complete)

    async def change(self, target: RevocationTarget) -> bool:
        """Look up again, in every generation, what is cached of a row that changed; return whether all were told."""
        return all([await each.sessions.revoker.changed(target) for each in self._active.generations()])

    async def tell(self, target: RevocationTarget, *, ended: bool) -> bool:
        """Tell the whole fleet, this process too, what a request here has ended or changed; return whether all know."""
        fleet = self.fleet or self
        try:
            return await (fleet.revoke(target) if ended else fleet.change(target))
        except ChannelClosedError:  # the supervisor has gone, and every worker drains
            return False

    async def drain(self, grace: float) -> None:
        """Let requests in flight end within `grace` seconds, tell tunnels to go, and close everything.

        Every answer closes its connection from now on; then accepting ends; then idle connections are closed; then the
        rest is cut.
        """
        self._process.draining = True
        await self.discard()
        if self._server is not None:
            self._server.drain()
            self._grpc.drain()
            for generation in self._active.generations():
                generation.streams.drain()
            await self._close_server(self._server, grace)
        for each in self._sockets:
            each.close()
        await self._active.close()
        await self._send_traces()

    def cut(self) -> None:
        """Break off what is in flight, so that `drain`, which runs, returns soon."""
        self._cut.set()
        if self._server is not None:
            self._server.cut()
        self._grpc.cut()

    def streams(self) -> StreamNumbers:
        """Count the callers' connections and open streams, for metrics."""
        streams = [generation.streams for generation in self._active.generations()]
        return StreamNumbers(
            connections=len(self._server.connections) if self._server is not None else 0,
            tunnels=sum(each.count("tunnel") for each in streams),
            event_streams=sum(each.count("event_stream") for each in streams),
            answers=sum(each.count("answer") for each in streams),
        )

    async def _close_server(self, server: GatewayServer, grace: float) -> None:
        """Stop accepting, and close the connections within `grace` seconds."""
        accepting, settling = min(_ACCEPT_SECONDS, grace / 2), min(_SETTLE_SECONDS, grace / 2)
        await self._pause(accepting)
        for listening in self._listening:
            listening.close()
        self._grpc.stop_accepting()
        await self._pause(settling)
        left = grace - accepting - settling
        await asyncio.gather(server.close(left, min(_IDLE_SECONDS, left)), self._grpc.close(left))

    async def _send_traces(self) -> None:
        """Send the last spans; every request has ended, so there will be no more."""
        if self._process.tracing is None:
            return
        sending = self._process.tasks.start(self._process.tracing.close(_TRACES_SECONDS), "sending of traces")
        cut = self._process.tasks.start(self._cut.wait(), "cutting of traces")
        await asyncio.wait({sending, cut}, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._cut.wait()

    async def _listen(self, server: GatewayServer, certificate: Certificate | None, *, headers: bool) -> None:
        self._certificate = certificate
        for each in self._sockets:
            if certificate is None and not headers:
                self._listening.append(await accept(server, each))
            else:
                context = certificate.context if certificate is not None else None
                listener = HandshakeListener(server, each, context, headers=headers)
                listener.open()
                self._listening.append(listener)
        self._process.serving = True


def configure_logging(settings: TelemetrySettings, process: Process, secret_names: Iterable[bytes]) -> None:
    """Send log lines where and how the config says; `secret_names` are the headers and cookies of credentials."""
    process.log_writer.most = settings.buffer_bytes
    redactor = Redactor(name.decode("latin-1") for name in secret_names)
    colour = settings.format == "console" and sys.stdout.isatty()
    configure(settings.format, "info", process.lines, process.timestamps, redactor, colour=colour)


def front_limits(settings: Settings) -> FrontLimits:
    """Return what one connection may do, and how many there may be with the descriptors that there are."""
    limits = msgspec.convert(settings.limits, FrontLimits, from_attributes=True)
    return msgspec.structs.replace(limits, connections=callers_within(settings, current_limit()))
