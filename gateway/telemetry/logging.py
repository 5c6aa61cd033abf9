"""What the program says of itself: one configuration for our own log lines and the libraries'."""

from __future__ import annotations

import asyncio
import atexit
import logging
import traceback
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from gateway.telemetry.lines import LineBuffer
from gateway.telemetry.redaction import Redactor
from gateway.telemetry.timestamps import Stamps

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_encode = msgspec.json.Encoder().encode

_SERVER = "aiohttp."
"""The loggers of the server side, where a broken connection is a client's; elsewhere it may be the database's."""

# What a client does to its own connection is no fault of ours: no traceback for it, however often it happens.
_CLIENT_FAULTS = (ConnectionError, TimeoutError, asyncio.CancelledError, asyncio.IncompleteReadError)
_CLIENT_FAULTS_OF = "aiohttp.http_exceptions"  # aiohttp's "this is not HTTP", named because this room knows no aiohttp
_LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(
    form: Format, level: Level, lines: LineBuffer, stamps: Stamps, redactor: Redactor, *, colour: bool = False
) -> None:
    """Send every log line of this process, structlog's and the standard library's, through `lines`.

    Called at the start of the process and again when its configuration changes; `colour` is for a terminal.
    """
    structlog.configure(
        processors=_processors(form, stamps, redactor, colour=colour),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *names: _Writer(lines.put, *names),
        # A cached logger would keep the redactor that it was first used under, and miss a credential header that a
        # reload brings. What is logged for each request goes past structlog, so speed is no matter here.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    # Libraries say at `info` what interests their own developers.
    root.setLevel(max(_LEVELS[level], logging.WARNING) if level != "debug" else logging.INFO)
    atexit.unregister(lines.flush)
    atexit.register(lines.flush)


def _processors(form: Format, stamps: Stamps, redactor: Redactor, *, colour: bool) -> list[Processor]:
    def stamp(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"time": stamps(), "log": "program", "logger": logger.name, **event}

    # Exceptions become text before the redaction, and as plain tracebacks: structlog's richer ones print local
    # variables, which are where the secrets are.
    rendered = structlog.processors.ExceptionRenderer(_plain_traceback)
    shown: Processor = _console(colour=colour) if form == "console" else _json
    return [structlog.processors.add_log_level, stamp, rendered, redactor, shown]


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return _encode(event) + b"\n"


def _console(*, colour: bool) -> Processor:
    renderer = structlog.dev.ConsoleRenderer(
        colors=colour, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )

    def render(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        event.pop("log", None)
        return renderer(logger, method, event).encode("utf-8", "backslashreplace") + b"\n"

    return render


def _plain_traceback(exc_info: ExcInfo) -> str:
    return "".join(traceback.format_exception(*exc_info)).rstrip()


class _Writer:
    """What structlog hands a rendered line to; every level writes it now. `name` is the module that speaks."""

    def __init__(self, put: Callable[[bytes], None], name: str = "") -> None:
        self.name = name
        self.msg = put
        self.debug = self.info = self.warning = self.error = self.critical = put


class _Bridge(logging.Handler):
    """Hands the standard library's records to structlog, so that aiohttp's and SQLAlchemy's lines come out alike."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._hand_over(record)
        except Exception:  # noqa: BLE001 - the standard library's promise: a bad log call never fails its caller
            self.handleError(record)

    def _hand_over(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.name.startswith(_SERVER) and _is_clients(error):
            logger.debug(record.getMessage(), fault=type(error).__name__)
        elif error is not None:
            logger.log(_known_level(record.levelno), record.getMessage(), exc_info=error)
        else:
            logger.log(_known_level(record.levelno), record.getMessage())


def _known_level(level: int) -> int:
    """Return the named level at or below a library's own."""
    return min(max(level // 10 * 10, logging.DEBUG), logging.CRITICAL)


def _is_clients(error: BaseException) -> bool:
    return isinstance(error, _CLIENT_FAULTS) or type(error).__module__ == _CLIENT_FAULTS_OF
