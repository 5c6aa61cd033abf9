"""What the program says of itself: one configuration for our own log lines and the libraries'."""

from __future__ import annotations

import asyncio
import atexit
import logging
import traceback
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from gateway.telemetry.instants import Stamps
from gateway.telemetry.lines import LineBuffer
from gateway.telemetry.redaction import Redactor

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_encode = msgspec.json.Encoder().encode

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
        logger_factory=_Lines(lines),
        # A cached logger would keep the redactor of the configuration that it was first used under, and miss a credential
        # header that a reload brings. What is logged for each request goes past structlog, so speed is no matter here.
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
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"time": stamps(), "log": "program", **event}

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


class _Lines:
    """structlog's logger factory, and the one logger that it makes: every level writes the rendered line now."""

    def __init__(self, lines: LineBuffer) -> None:
        self._put: Callable[[bytes], None] = lines.put

    def __call__(self, *_names: Any) -> _Lines:
        return self

    def msg(self, line: bytes) -> None:
        self._put(line)

    debug = info = warning = error = critical = exception = fatal = warn = log = msg


class _Bridge(logging.Handler):
    """Hands the standard library's records to structlog, so that aiohttp's and SQLAlchemy's lines come out alike."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and _is_clients(error):
            logger.debug(record.getMessage(), logger=record.name, fault=type(error).__name__)
            return
        facts: dict[str, Any] = {"logger": record.name}
        if error is not None:
            facts["exc_info"] = error
        logger.log(_known_level(record.levelno), record.getMessage(), **facts)


def _known_level(level: int) -> int:
    """Return the named level at or below a library's own."""
    return min(max(level // 10 * 10, logging.DEBUG), logging.CRITICAL)


def _is_clients(error: BaseException) -> bool:
    return isinstance(error, _CLIENT_FAULTS) or type(error).__module__ == _CLIENT_FAULTS_OF
