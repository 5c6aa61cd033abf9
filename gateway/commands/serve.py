"""`gateway serve`: from the start to the last line."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from setproctitle import setproctitle

from gateway.authorities.directory import DirectorySettings
from gateway.config.load import LoadedConfig, load
from gateway.config.settings import Settings
from gateway.model.errors import GatewayError
from gateway.telemetry.audit import Actor
from gateway.telemetry.metrics import WorkerGroupMetrics
from gateway.wiring.process import Process, run_loop
from gateway.workers.descriptors import raise_limit
from gateway.workers.fork_server import ForkServer, open_fork_server
from gateway.workers.sockets import Ports, Sockets, bind_ports, places_of, port_of
from gateway.workers.supervisor import ReadConfig, Supervisor
from gateway.workers.systemd import Notifier
from gateway.workers.worker import Worker, configure_logging
from gateway.workers.worker_group import RecentRevocations, SingleProcess, WorkerGroup
from gateway.workers.worker_handle import FORK_SERVER_LOST
from gateway.workers.worker_main import worker_main
from gateway.workers.worker_pool import WorkerPool

_log = structlog.get_logger(__name__)

_STOP = (signal.SIGTERM, signal.SIGINT)

Signals = asyncio.Queue[int]
"""The signals that came, in their order."""


class Start(msgspec.Struct, frozen=True):
    """What exists before the event loop: a config, its bound ports, and the fork server of several workers.

    Without `read_config` nothing is reloaded: SIGHUP, which a terminal sends when it is closed, ends the program.
    """

    loaded: LoadedConfig
    ports: Ports
    fork_server: ForkServer | None = None
    read_config: ReadConfig | None = None


def run(config: Path) -> int:
    """Run the gateway that `config` describes until SIGTERM or SIGINT; return the exit code.

    Raises SettingsError with every problem of the config, and GatewayError when a part of it cannot be used.
    """

    def read_config() -> LoadedConfig:
        return load(config, os.environ)

    loaded = read_config()
    raise_limit()
    ports = bind_ports(loaded.settings.listen)
    fork_server = None
    setproctitle("gateway: server")
    if loaded.settings.listen.workers > 1:
        setproctitle("gateway: supervisor")
        _import_before_fork(loaded.settings)
        fork_server = open_fork_server(lambda control: worker_main(control, ports))
    try:
        return run_loop(_serve(Start(loaded, ports, fork_server, read_config)))
    finally:
        ports.close()


def _import_before_fork(settings: Settings) -> None:
    """Import what every worker needs: memory from before the fork is shared by all of them (25 MB)."""
    if settings.telemetry.traces != "none":
        import gateway.telemetry.tracing.tracer  # noqa: PLC0415 - only where spans are made
    if any(isinstance(authority, DirectorySettings) for authority in settings.authorities.values()):
        import gateway.directory.store  # noqa: PLC0415 - only where there is a directory
    if settings.listen.grpc is not None:
        import gateway.ext_authz.grpc_server  # noqa: F401, PLC0415 - needs the extra `grpc`


def _port_or_file(sockets: Sockets) -> int | str:
    """Return the port that was bound first, or the socket file."""
    return places_of(sockets)[0] if sockets[0].family == socket.AF_UNIX else port_of(sockets)


async def _serve(start: Start) -> int:
    async def log_serving(ports: Ports) -> None:
        _log.info(
            "serving",
            public=_port_or_file(ports.public),
            admin=_port_or_file(ports.admin),
            addresses=places_of(ports.public),
            workers=start.loaded.settings.listen.workers,
        )

    await serve_until_stopped(start, log_serving)
    return 0


async def serve_until_stopped(start: Start, on_serving: Callable[[Ports], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT, or until no worker can be replaced, then drain; a second one ends that at once.

    SIGHUP reloads the config, SIGUSR2 replaces every worker. `on_serving` is called once requests are answered. Raises
    GatewayError when a part of the config cannot be used, and when workers could not be replaced any more.
    """
    signals = _receive_signals()
    process, notifier = Process(), Notifier(os.environ)
    configure_logging(start.loaded.settings.telemetry, process, ())
    supervisor = _supervisor(start, process)
    try:
        await supervisor.start(start.loaded)
        notifier.ready()
        process.tasks.start(notifier.keep_alive(), "systemd's watchdog")
        await on_serving(start.ports)
        process.tasks.start(_stop_when_broken(supervisor, signals), "watching the fork server")
        await _handle_signals(signals, supervisor, process, notifier, start.read_config)
        _log.info("draining")
    finally:
        notifier.stopping()
        await _drain(signals, supervisor, process)
    if supervisor.broken.is_set():
        raise GatewayError(FORK_SERVER_LOST)


def _supervisor(start: Start, process: Process) -> Supervisor:
    registry = CollectorRegistry()
    metrics = WorkerGroupMetrics(registry, process.clock)
    revocations = RecentRevocations(process.clock, start.loaded.settings.cache.revoked)
    workers: WorkerGroup
    if start.fork_server is None:
        workers = SingleProcess(process, Worker(process, start.ports.public, start.ports.grpc), revocations)
    else:
        ProcessCollector(registry=registry)  # the supervisor's memory and CPU time are the gateway's as well
        workers = WorkerPool(start.fork_server, (*start.ports.public, *start.ports.grpc), revocations, metrics)
    return Supervisor(process, workers, start.ports, metrics, revocations)


async def _handle_signals(
    signals: Signals, supervisor: Supervisor, process: Process, notifier: Notifier, read_config: ReadConfig | None
) -> None:
    """Do what each signal asks for, until one asks to stop."""
    if read_config is not None:
        process.tasks.start(supervisor.watch(read_config, notifier), "watching the config")
    while (number := await signals.get()) not in _STOP:
        if number == signal.SIGUSR2:
            process.tasks.start(supervisor.renew(), "renewal of workers")
        elif read_config is not None:
            process.tasks.start(supervisor.reload(read_config, Actor("signal"), notifier), "reload")
        else:
            return


async def _stop_when_broken(supervisor: Supervisor, signals: Signals) -> None:
    """Stop while there are workers to drain: one after the other they would go, and nobody would come."""
    await supervisor.broken.wait()
    signals.put_nowait(signal.SIGTERM)


async def _drain(signals: Signals, supervisor: Supervisor, process: Process) -> None:
    """Drain until all requests have ended, or until another signal to stop comes."""
    draining = process.tasks.start(supervisor.drain(), "draining")
    stopping = process.tasks.start(_next_stop(signals), "second signal")
    await asyncio.wait({draining, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():
        supervisor.cut()
        await asyncio.wait({draining})
    await process.close()


async def _next_stop(signals: Signals) -> None:
    while await signals.get() not in _STOP:
        pass


def _receive_signals() -> Signals:
    """Return a queue that gets each signal from now on."""
    signals: Signals = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (*_STOP, signal.SIGHUP, signal.SIGUSR2):
        loop.add_signal_handler(number, signals.put_nowait, number)
    return signals
