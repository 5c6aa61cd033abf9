"""`gateway serve`: one process from its start to its last line."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import structlog

from gateway.model.errors import GatewayError
from gateway.runtime.generation import open_generation
from gateway.runtime.load import load_settings
from gateway.runtime.process import Process
from gateway.runtime.service import Service
from gateway.runtime.settings import Settings
from gateway.telemetry.logging import configure
from gateway.telemetry.redaction import Redactor

_log = structlog.get_logger(__name__)


def run(config: Path) -> int:
    """Run the gateway that `config` describes until SIGTERM or SIGINT; return the exit code.

    Raises SettingsError with every problem of the config, and GatewayError when a part of it cannot be used.
    """
    settings = load_settings(config, os.environ)
    return run_loop(_serve(settings))


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` on uvloop where it is installed, else on the standard loop."""
    try:
        import uvloop  # noqa: PLC0415 - optional, and not there on every platform
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def _serve(settings: Settings) -> int:
    async def tell(service: Service) -> None:
        _log.info("serving", public=service.public_port, admin=service.admin_port)

    await serve_until_told(settings, tell)
    return 0


async def serve_until_told(settings: Settings, on_serving: Callable[[Service], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `on_serving` is called once every port is bound.

    A second signal ends the draining at once.
    """
    told = _signals()
    process = Process()
    configure_logging(settings, process, ())
    try:
        generation = await open_generation(settings, process)
        readers = generation.identification.readers.values()
        configure_logging(settings, process, [name for reader in readers for name in reader.headers | reader.cookies])
        service = Service(settings, process, generation)
        await _open(service)
        await on_serving(service)
        await told.get()
        _log.info("draining")
        closing = process.tasks.start(service.close(), "draining")
        again = process.tasks.start(told.get(), "second signal")
        await asyncio.wait({closing, again}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await process.close()


def configure_logging(settings: Settings, process: Process, secret_names: Iterable[bytes]) -> None:
    """Send log lines where and how the config says; `secret_names` are the headers and cookies of credentials."""
    form = settings.telemetry.format
    redactor = Redactor(name.decode("latin-1") for name in secret_names)
    configure(form, "info", process.lines, process.stamps, redactor, colour=form == "console" and sys.stdout.isatty())


async def _open(service: Service) -> None:
    try:
        await service.open()
    except OSError as error:
        raise GatewayError(f"cannot listen: {error.strerror or error}") from error


def _signals() -> asyncio.Queue[int]:
    """Return a queue that gets each SIGTERM and SIGINT from now on."""
    told: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.put_nowait, number)
    return told
