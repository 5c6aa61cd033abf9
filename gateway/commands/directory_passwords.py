"""`gateway directory user password`: it is read from standard input, so that no list of processes shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from getpass import getpass

from gateway.commands.command_output import CommandResult
from gateway.commands.opened_directory import DirectoryOptions, open_directory_of
from gateway.directory.operations.password_operations import PasswordChange, change_password
from gateway.directory.password_hashing import NewPasswords


def first_line() -> str:
    """Return the first line of standard input, or what a person types there unseen."""
    return getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


async def set_directory_password(
    options: DirectoryOptions,
    user_id: str,
    *,
    remove: bool,
    keep_sessions: bool = False,
    read: Callable[[], str] = first_line,
) -> CommandResult:
    """Give a user a password, or take it away, and log the user out unless told otherwise; raises GatewayError."""
    change = PasswordChange(password=None if remove else read(), end_sessions=not keep_sessions)
    async with open_directory_of(options) as opened:
        passwords = NewPasswords(opened.directory_settings.password_characters)
        await change_password(opened.context, passwords, user_id, change)
        ended = "" if keep_sessions else ", and is signed out"
        return opened.result(f"{user_id} has {'no' if remove else 'a new'} password{ended}")
