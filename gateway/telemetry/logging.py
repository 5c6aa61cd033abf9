"""The program log: one configuration for our own log lines and those of libraries."""

from __future__ import annotations

import atexit
import logging
import traceback
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.redaction import Redactor

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_encode = msgspec.json.Encoder().encode

_LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(
    format_: Format,
    level: Level,
    lines: LineBuffer,
    timestamps: Timestamps,
    redactor: Redactor,
    *,
    colour: bool = False,
) -> None:
    """Send every log line of this process, structlog's and the standard library's, through `lines`.

    Called at the start of the process and whenever its config changes; `colour` is for terminals only.
    """
    structlog.configure(
        processors=_processors(format_, timestamps, redactor, colour=colour),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *names: _Writer(lines.write_now, *names),
        # A cached logger would retain its first redactor, and miss a credential header that a reload brings. What is
        # logged for each request does not go through structlog, so speed does not matter here.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    # Libraries say at `info` what interests their own developers.
    root.setLevel(max(_LEVELS[level], logging.WARNING) if level != "debug" else logging.INFO)
    atexit.unregister(lines.close)
    atexit.register(lines.close)


def _processors(format_: Format, timestamps: Timestamps, redactor: Redactor, *, colour: bool) -> list[Processor]:
    def stamp(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"time": timestamps(), "log": "program", "logger": logger.name, **event}

    # Exceptions become text before the redaction, and plain tracebacks: structlog's richer ones print local variables,
    # which is where the secrets are.
    exceptions = structlog.processors.ExceptionRenderer(_plain_traceback)
    renderer: Processor = _console(colour=colour) if format_ == "console" else _json
    return [structlog.processors.add_log_level, stamp, exceptions, redactor, renderer]


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
    """The logger that structlog gives rendered lines to; every level writes at once. `name` is the module's."""

    def __init__(self, write: Callable[[bytes], None], name: str = "") -> None:
        self.name = name
        self.msg = write
        self.debug = self.info = self.warning = self.error = self.critical = write


class _Bridge(logging.Handler):
    """Passes the standard library's records to structlog, so that lines of libraries look like our own."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._forward(record)
        except Exception:  # noqa: BLE001 - the standard library's promise: a bad log call never fails its caller
            self.handleError(record)

    def _forward(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            logger.log(_named_level(record.levelno), record.getMessage(), exc_info=error)
        else:
            logger.log(_named_level(record.levelno), record.getMessage())


def _named_level(level: int) -> int:
    """Return the named level at or below a library's own."""
    return min(max(level // 10 * 10, logging.DEBUG), logging.CRITICAL)
