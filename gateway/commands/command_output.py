"""What a command prints: its result on standard output, its log and audit lines on standard error.

The result may be a key that is shown once and piped on, so no log line may stand among it, whatever the config says.
"""

from __future__ import annotations

import sys

import msgspec

from gateway.telemetry.audit import Actor, AuditLog
from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.logging import configure
from gateway.telemetry.redaction import Redactor
from gateway.wiring.clock import wall_clock

COMMAND = Actor("command")
"""The actor of audit lines: anybody who may read the config's secrets."""


class CommandResult(msgspec.Struct, frozen=True):
    """`output` is for standard output, `note` for standard error; a failed command exits with 1."""

    output: str
    note: str = ""
    succeeded: bool = True

    def __repr__(self) -> str:
        """Show no text: the output may be a key."""
        return f"CommandResult(succeeded={self.succeeded})"


def open_log() -> AuditLog:
    """Send this process' log lines from `warning` on to standard error, and return the audit log.

    To be called first: until structlog is configured, its tracebacks show local variables, which hold the secrets.
    """
    lines, stamps = LineBuffer(_write), Timestamps(wall_clock)
    configure("console", "warning", lines, stamps, Redactor(), colour=sys.stderr.isatty())
    return AuditLog(lines, stamps)


def _write(data: bytes) -> None:
    sys.stderr.write(data.decode("utf-8", "backslashreplace"))
    sys.stderr.flush()
