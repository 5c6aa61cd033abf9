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


def below(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Return where commands are added below another."""
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def duration(text: str) -> float:
    """Return seconds; raises ArgumentTypeError, a usage error."""
    from gateway.source.values import parse_duration  # noqa: PLC0415 - what only asks for help waits for no pydantic

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def instant(text: str) -> datetime:
    """Return an instant in UTC; raises ArgumentTypeError, a usage error."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        # Without an offset it would be another instant on each machine.
        raise argparse.ArgumentTypeError("an instant is RFC 3339 with its offset: 2030-01-31T12:00:00Z")
    return moment.astimezone(UTC)
