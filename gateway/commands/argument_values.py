"""Values of command lines, and the shape of a command that is to be run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from gateway.commands.command_output import CommandResult

RunningCommand: TypeAlias = "Coroutine[Any, Any, CommandResult]"
StartCommand = Callable[[argparse.Namespace], RunningCommand]

_LONGEST = 36525 * 86400.0
"""Seconds: a century. Beyond some thousand years no date can be written."""


def below(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Return where commands are added below another."""
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def duration(text: str) -> float:
    """Return seconds; raises ArgumentTypeError, a usage error."""
    from gateway.source.values import parse_duration  # noqa: PLC0415 - what only asks for help waits for no pydantic

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds > _LONGEST:
        raise argparse.ArgumentTypeError("a century at most")
    return seconds


def instant(text: str) -> datetime:
    """Return an instant in UTC; raises ArgumentTypeError, a usage error."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    # Without an offset it would be another instant on each machine.
    raise argparse.ArgumentTypeError("an instant is RFC 3339 with its offset: 2030-01-31T12:00:00Z")
