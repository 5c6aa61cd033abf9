"""`gateway serve`: from the start to the last line."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from gateway.authorities.directory import DirectorySettings
from gateway.config.load import LoadedConfig, load
from gateway.config.settings import Settings
from gateway.telemetry.audit import Actor
from gateway.telemetry.runtime_metrics import RuntimeMetrics
from gateway.wiring.process import Process
from gateway.workers.event_loop import run_loop
from gateway.workers.fork_server import ForkServer, open_fork_server
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.single_process import SingleProcess
from gateway.workers.sockets import Ports, bind_ports, port_of
from gateway.workers.supervisor import Again, Supervisor
from gateway.workers.systemd import Notifier
from gateway.workers.worker import Worker, configure_logging
from gateway.workers.worker_group import WorkerGroup
from gateway.workers.worker_main import worker_main
from gateway.workers.worker_pool import WorkerPool

_log = structlog.get_logger(__name__)

_STOP = (signal.SIGTERM, signal.SIGINT)


class Start(msgspec.Struct, frozen=True):
    """What is there before the event loop: a config, its bound ports, and the nursery of several workers.

    Without `again` the config is what it is: SIGHUP, which a terminal sends when it is closed, ends the program.
    """

    loaded: LoadedConfig
    ports: Ports
    nursery: ForkServer | None = None
    again: Again | None = None


def run(config: Path) -> int:
    """Run the gateway that `config` describes until SIGTERM or SIGINT; return the exit code.

    Raises SettingsError with every problem of the config, and GatewayError when a part of it cannot be used.
    """

    def again() -> LoadedConfig:
        return load(config, os.environ)

    loaded = again()
    ports = bind_ports(loaded.settings.listen)
    nursery = None
    if loaded.settings.listen.workers > 1:
        _import_ahead(loaded.settings)
        nursery = open_fork_server(lambda control: worker_main(control, ports))
    try:
        return run_loop(_serve(Start(loaded, ports, nursery, again)))
    finally:
        ports.close()


def _import_ahead(settings: Settings) -> None:
    """Import what every worker is going to: memory that is there before the fork is shared by all of them (25 MB)."""
    if settings.telemetry.traces != "none":
        import gateway.telemetry.tracing.tracer  # noqa: PLC0415 - only where spans are made
    if any(isinstance(authority, DirectorySettings) for authority in settings.authorities.values()):
        import gateway.directory.store  # noqa: F401, PLC0415 - only where there is a directory


async def _serve(start: Start) -> int:
    async def tell(ports: Ports) -> None:
        workers = start.loaded.settings.listen.workers
        _log.info("serving", public=port_of(ports.public), admin=port_of(ports.admin), workers=workers)

    await serve_until_told(start, tell)
    return 0


async def serve_until_told(start: Start, on_serving: Callable[[Ports], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second one ends the draining at once.

    SIGHUP reloads the config, SIGUSR2 replaces every worker. `on_serving` is called once requests are answered.
    """
    told = _signals()
    process, notifier = Process(shared=start.nursery is not None), Notifier(os.environ)
    configure_logging(start.loaded.settings.telemetry, process, ())
    supervisor = _supervisor(start, process)
    try:
        await supervisor.start(start.loaded)
        notifier.ready()
        process.tasks.start(notifier.keep_alive(), "systemd's watchdog")
        await on_serving(start.ports)
        await _until_told(told, supervisor, process, notifier, start.again)
        _log.info("draining")
    finally:
        notifier.stopping()
        await _end(told, supervisor, process)


def _supervisor(start: Start, process: Process) -> Supervisor:
    registry = CollectorRegistry()
    metrics = RuntimeMetrics(registry, process.clock)
    revocations = RecentRevocations(process.clock, start.loaded.settings.cache.revoked)
    crew: WorkerGroup
    if start.nursery is None:
        crew = SingleProcess(process, Worker(process, start.ports.public), revocations)
    else:
        ProcessCollector(registry=registry)  # what this process takes is the gateway's as well
        crew = WorkerPool(start.nursery, start.ports.public, revocations, metrics)
    return Supervisor(process, crew, start.ports, metrics, revocations)


async def _until_told(
    told: asyncio.Queue[int], supervisor: Supervisor, process: Process, notifier: Notifier, again: Again | None
) -> None:
    """Do what signals ask until one of them asks to end."""
    if again is not None:
        process.tasks.start(supervisor.watch(again, notifier), "watching the config")
    while (number := await told.get()) not in _STOP:
        if number == signal.SIGUSR2:
            process.tasks.start(supervisor.renew(), "renewal of workers")
        elif again is not None:
            process.tasks.start(supervisor.reload(again, Actor("signal"), notifier), "reload")
        else:
            return


async def _end(told: asyncio.Queue[int], supervisor: Supervisor, process: Process) -> None:
    """Drain, or be told a second time not to wait."""
    ending = process.tasks.start(supervisor.end(), "draining")
    hurrying = process.tasks.start(_told_again(told), "second signal")
    await asyncio.wait({ending, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        supervisor.cut()
        await asyncio.wait({ending})
    await process.close()


async def _told_again(told: asyncio.Queue[int]) -> None:
    while await told.get() not in _STOP:
        pass


def _signals() -> asyncio.Queue[int]:
    """Return a queue that gets each signal from now on."""
    told: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (*_STOP, signal.SIGHUP, signal.SIGUSR2):
        loop.add_signal_handler(number, told.put_nowait, number)
    return told
