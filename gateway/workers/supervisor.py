"""Over the crew: starts it, reloads its config, tells its metrics, and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.config.load import LoadedConfig
from gateway.config.settings import ListenSettings
from gateway.config.watch import Watch
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor, AuditOutcome
from gateway.telemetry.merging import merge, render, snapshot
from gateway.telemetry.runtime_metrics import RuntimeMetrics
from gateway.wiring.process import Process
from gateway.workers.admin_ports import AdminPorts
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.sockets import Ports
from gateway.workers.systemd import Notifier
from gateway.workers.worker_group import WorkerGroup

_log = structlog.get_logger(__name__)

Again = Callable[[], LoadedConfig]
"""Reads the config once more; raises GatewayError."""

_UNWATCHED = 1.0
"""Seconds after which it is asked again whether files are to be watched at all; a reload may change that."""

_AT_START = ("public", "admin", "health")
"""Keys of `listen` that are used once: sockets are bound before there are workers, and stay."""


class Supervisor:
    """Holds what outlives every generation and every worker.

    `metrics` are its own; it serves the admin and health ports itself.
    """

    def __init__(
        self, process: Process, crew: WorkerGroup, ports: Ports, metrics: RuntimeMetrics, revocations: RecentRevocations
    ) -> None:
        self._process = process
        self._crew = crew
        self._metrics = metrics
        self._revocations = revocations
        self._admin = AdminPorts(process, ports, self.ready, self._render, self._revoke)
        self._reloading = asyncio.Lock()
        self._loaded: LoadedConfig | None = None
        self.ports = ports

    def ready(self) -> bool:
        """Tell whether every worker serves, and new requests are welcome."""
        return self._loaded is not None and self._crew.serving() >= self._crew.wanted() and not self._process.draining

    async def start(self, loaded: LoadedConfig) -> None:
        """Serve; raises GatewayError."""
        await self._crew.change(loaded)
        self._loaded = loaded
        self._revocations.life = loaded.settings.cache.revoked
        self._metrics.workers_counted_by(self._crew.serving, self._crew.wanted)
        self._metrics.loaded()
        await self._admin.open(loaded.settings)

    async def reload(self, again: Again, actor: Actor, notifier: Notifier) -> None:
        """Serve another config; on any fault the old one stays, and every line of what is wrong is logged."""
        async with self._reloading:
            notifier.reloading()
            try:
                loaded = again()
                await self._crew.change(loaded)
            except GatewayError as error:
                self._stay(error, actor)
            else:
                self._take(loaded, actor)
            notifier.ready()

    async def renew(self) -> None:
        """Replace every worker by a fresh one."""
        _log.info("workers_renewing")
        await self._crew.renew()

    async def watch(self, again: Again, notifier: Notifier) -> None:
        """Reload whenever the config, or a file that it names, has changed."""
        watch = Watch()
        while self._loaded is not None:
            every = self._loaded.settings.listen.watch
            await asyncio.sleep(every or _UNWATCHED)
            if every and watch.is_due(self._loaded.files, self._loaded.seen):
                await self.reload(again, Actor("watch"), notifier)

    def cut(self) -> None:
        """Wait for no request any more; `end` returns soon then."""
        self._crew.cut()

    async def end(self) -> None:
        """Be no longer ready, let requests under way end, and close everything."""
        self._process.draining = True
        drain = self._loaded.settings.listen.drain if self._loaded is not None else 0.0
        await self._crew.drain(drain)
        await self._admin.close()

    def _take(self, loaded: LoadedConfig, actor: Actor) -> None:
        before, self._loaded = self._loaded, loaded
        self._revocations.life = loaded.settings.cache.revoked
        self._admin.use(loaded.settings)
        self._metrics.reloaded(done=True)
        self._process.audit.reloaded(actor, AuditOutcome.DONE)
        if before is not None:
            _warn_of_restart(before.settings.listen, loaded.settings.listen)

    def _stay(self, error: GatewayError, actor: Actor) -> None:
        for line in str(error).splitlines():
            _log.error("config_reload_failed", fault=line)
        self._metrics.reloaded(done=False)
        self._process.audit.reloaded(actor, AuditOutcome.FAILED, str(error).splitlines()[0])

    async def _revoke(self, ended: RevocationTarget) -> bool:
        self._revocations.note(ended)
        return await self._crew.revoke(ended)

    async def _render(self) -> tuple[bytes, str]:
        own = snapshot(self._metrics.registry)
        return render(merge((own, *await self._crew.collect())))


def _warn_of_restart(before: ListenSettings, now: ListenSettings) -> None:
    """Tell of what was changed and does not apply: where to listen, and one process or several."""
    changed = [name for name in _AT_START if getattr(before, name) != getattr(now, name)]
    if (before.tls is None) != (now.tls is None):
        changed.append("tls")
    if before.workers == 1 < now.workers:
        changed.append("workers")
    for name in changed:
        _log.warning("restart_required", key=f"listen.{name}")
