"""The supervisor: starts the worker group, reloads its config, serves the admin port, and drains."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.health import Health
from gateway.config.load import LoadedConfig, Watch
from gateway.config.settings import ListenSettings
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor, AuditOutcome
from gateway.telemetry.exposition import Snapshot, merge, render, snapshot
from gateway.telemetry.metrics import WorkerGroupMetrics
from gateway.wiring.process import Process
from gateway.workers.admin_ports import AdminPorts
from gateway.workers.control import RecordedRevocation
from gateway.workers.descriptors import warn_if_short
from gateway.workers.sockets import Ports
from gateway.workers.systemd import Notifier
from gateway.workers.worker_group import RecentRevocations, WorkerGroup

_log = structlog.get_logger(__name__)

ReadConfig = Callable[[], LoadedConfig]
"""Reads the config file; raises GatewayError."""

_RECHECK_SECONDS = 1.0
"""After which `listen.watch` is read again while it is 0; a reload may change it."""

_KEYS_OF_THE_START = ("public", "admin", "health", "grpc", "socket_mode", "proxy_protocol")
"""Keys of `listen` that a reload does not apply: sockets are bound before there are workers, and stay."""


class Supervisor:
    """Holds what outlives every generation and every worker; `metrics` are its own.

    `broken` is set when workers can no longer be replaced.
    """

    def __init__(
        self,
        process: Process,
        workers: WorkerGroup,
        ports: Ports,
        metrics: WorkerGroupMetrics,
        revocations: RecentRevocations,
    ) -> None:
        self._process = process
        self._workers = workers
        self._metrics = metrics
        self._revocations = revocations
        fleet = FleetHooks(
            revoke=self._revoke,
            change=self._change,
            recorded=self._recorded,
            collect=self._collect,
        )
        workers.attach(fleet)
        self._admin = AdminPorts(process, ports, Health(self.healthy, self.ready), self._render, fleet)
        self._reloading = asyncio.Lock()
        self._loaded: LoadedConfig | None = None
        self.ports = ports
        self.broken = workers.broken

    def ready(self) -> bool:
        """Return whether every worker serves and the gateway is not draining."""
        if self._loaded is None or self._process.draining or self.broken.is_set():
            return False
        return self._workers.serving() >= self._workers.wanted()

    def healthy(self) -> bool:
        """Return whether somebody serves, or did until the gateway was told to end."""
        return not self.broken.is_set() and (self._process.draining or self._workers.serving() > 0)

    async def start(self, loaded: LoadedConfig) -> None:
        """Begin to serve; raises GatewayError."""
        warn_if_short(loaded.settings)
        await self._workers.apply(loaded)
        _warn_of_config(loaded)  # a start that fails is one clear line
        self._loaded = loaded
        self._revocations.ttl = loaded.settings.cache.revoked
        self._metrics.count_workers(self._workers.serving, self._workers.wanted)
        self._metrics.loaded()
        await self._admin.open(loaded.settings)

    async def reload(self, read_config: ReadConfig, actor: Actor, notifier: Notifier) -> None:
        """Read the config and serve it; on any fault log every line of it and serve the old one."""
        async with self._reloading:
            notifier.reloading()
            try:
                loaded = read_config()
                await self._workers.apply(loaded)
            except GatewayError as error:
                self._reload_failed(error, actor)
            else:
                await self._reloaded(loaded, actor)
            notifier.ready()

    async def renew(self) -> None:
        """Replace every worker by a fresh one."""
        _log.info("workers_renewing")
        await self._workers.renew()

    async def watch(self, read_config: ReadConfig, notifier: Notifier) -> None:
        """Reload whenever the config, or a file that it names, has changed."""
        watch = Watch()
        while self._loaded is not None:
            seconds = self._loaded.settings.listen.watch
            await asyncio.sleep(seconds or _RECHECK_SECONDS)
            if seconds and watch.is_due(self._loaded.files, self._loaded.signature):
                await self.reload(read_config, Actor("watch"), notifier)

    def cut(self) -> None:
        """Break off what is in flight, so that `drain` returns soon."""
        self._workers.cut()

    async def drain(self) -> None:
        """Stop being ready, let requests in flight end within `listen.drain` seconds, and close everything."""
        self._process.draining = True
        grace = self._loaded.settings.listen.drain if self._loaded is not None else 0.0
        await self._workers.drain(grace)
        await self._admin.close()

    async def _reloaded(self, loaded: LoadedConfig, actor: Actor) -> None:
        before, self._loaded = self._loaded, loaded
        self._revocations.ttl = loaded.settings.cache.revoked
        await self._admin.apply(loaded.settings)
        self._metrics.reloaded(done=True)
        self._process.audit.reloaded(actor, AuditOutcome.DONE)
        _warn_of_config(loaded)
        warn_if_short(loaded.settings)
        if before is not None:
            _warn_of_restart(before.settings.listen, loaded.settings.listen)

    def _reload_failed(self, error: GatewayError, actor: Actor) -> None:
        for line in str(error).splitlines():
            _log.error("config_reload_failed", fault=line)
        self._metrics.reloaded(done=False)
        self._process.audit.reloaded(actor, AuditOutcome.FAILED, str(error).splitlines()[0])

    async def _revoke(self, target: RevocationTarget) -> bool:
        self._revocations.record(target)
        return all(await asyncio.gather(self._workers.revoke(target), self._admin.revoke(target)))

    async def _change(self, target: RevocationTarget) -> bool:
        return all(await asyncio.gather(self._workers.change(target), self._admin.change(target)))

    async def _recorded(self) -> tuple[RecordedRevocation, ...]:
        return self._revocations.recent()

    async def _collect(self) -> Snapshot:
        return merge((snapshot(self._metrics.registry), *await self._workers.collect()))

    async def _render(self) -> tuple[bytes, str]:
        return render(await self._collect())


def _warn_of_config(loaded: LoadedConfig) -> None:
    """Log what `check` warns of: whoever starts a config need not have checked it."""
    for problem in loaded.warnings:
        _log.warning("config_warning", fault=str(problem))


def _warn_of_restart(before: ListenSettings, after: ListenSettings) -> None:
    """Log the keys that changed and apply only after a restart."""
    changed = [name for name in _KEYS_OF_THE_START if getattr(before, name) != getattr(after, name)]
    if (before.tls is None) != (after.tls is None):
        changed.append("tls")
    if before.workers == 1 < after.workers:
        changed.append("workers")
    for name in changed:
        _log.warning("restart_required", key=f"listen.{name}")
