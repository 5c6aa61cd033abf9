"""Where a command's own log and audit lines go: to standard error, whatever the config says.

The config sends a gateway's lines to standard output. There a command prints its result, which may be a key that is
shown once and piped on; so a line of the log among it would be taken for one.
"""

from __future__ import annotations

import sys

from gateway.telemetry.audit import Actor, AuditLog
from gateway.telemetry.lines import LineBuffer
from gateway.telemetry.logging import configure
from gateway.telemetry.redaction import Redactor
from gateway.telemetry.timestamps import Stamps
from gateway.wiring.process import wall_clock

COMMAND = Actor("command")
"""Who changes something by a command: whoever may read the config's secrets."""


def open_log() -> AuditLog:
    """Send log lines of this process to standard error, from `warning` on, and return the audit log.

    To be called before anything is done: until structlog is configured, its tracebacks show local variables, which are
    where the secrets are.
    """
    lines, stamps = LineBuffer(_write), Stamps(wall_clock)
    configure("console", "warning", lines, stamps, Redactor(), colour=sys.stderr.isatty())
    return AuditLog(lines, stamps)


def _write(data: bytes) -> None:
    sys.stderr.write(data.decode("utf-8", "backslashreplace"))
    sys.stderr.flush()
