"""`gateway directory user password`: it is read from standard input, so that no list of processes shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from getpass import getpass

from gateway.commands.command_output import CommandResult
from gateway.commands.opened_directory import DirectoryOptions, open_directory_of
from gateway.directory.operations.password_operations import set_password
from gateway.directory.password_hashing import PasswordHashing
from gateway.model.errors import DirectoryError

_LEAST = 8
"""Characters (NIST SP 800-63B section 3.1.1.2 asks for no fewer)."""


def first_line() -> str:
    """Return the first line of standard input, or what a person types there unseen."""
    return getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


async def set_directory_password(
    options: DirectoryOptions, user_id: str, *, remove: bool, read: Callable[[], str] = first_line
) -> CommandResult:
    """Give a user a password, or take it away, and log the user out everywhere; raises GatewayError."""
    hashed = None if remove else await PasswordHashing().hash(_long_enough(read()))
    async with open_directory_of(options) as opened:
        await set_password(opened.context, user_id, hashed)
        return opened.result(f"{user_id} has {'no' if remove else 'a new'} password, and is signed out")


def _long_enough(password: str) -> str:
    if len(password) < _LEAST:
        raise DirectoryError(f"a password has {_LEAST} characters or more; it is the first line of standard input")
    return password
