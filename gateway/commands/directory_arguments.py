"""The command line of `gateway directory`: the arguments of each command, and the function that it calls."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.commands.command_output import CommandResult
from gateway.source.values import parse_duration

if TYPE_CHECKING:
    from gateway.commands.directory_commands import DirectoryOptions

RunningCommand = Coroutine[Any, Any, CommandResult]
StartCommand = Callable[[argparse.Namespace], RunningCommand]


class DirectoryArguments:
    """Adds the commands to a parser. `run` runs one to its end and returns the exit code.

    The parsed arguments have to have an attribute `audit`, the audit log of `open_log`.
    """

    def __init__(self, run: Callable[[RunningCommand], int]) -> None:
        self._run = run

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Add every command."""
        commands = _below(parser)
        self._set(commands.add_parser("migrate", help="bring the schema up to date"), _migrate)
        load = commands.add_parser("load", help="import records (YAML or JSON), all or nothing")
        load.add_argument("records", type=Path, metavar="RECORDS")
        self._set(load, _load)
        self._add_token(commands.add_parser("token", help="issue a token for a session"))
        self._add_keys(_below(commands.add_parser("key", help="create, delete and expire API keys")))
        role = _below(commands.add_parser("member", help="change members")).add_parser(
            "role", help="give a member another role in its organization, or none"
        )
        role.add_argument("id", metavar="ID")
        role.add_argument("role", nargs="?", metavar="ROLE")
        self._set(role, _member_role)
        sessions = _below(commands.add_parser("session", help="end sessions"))
        self._set_with_id(sessions.add_parser("end", help="log a session out"), _session_end)
        organizations = _below(commands.add_parser("organization", help="remove organizations"))
        remove_help = "delete an organization with its members, projects and workspaces"
        self._set_with_id(organizations.add_parser("remove", help=remove_help), _organization_remove)

    def _add_token(self, token: argparse.ArgumentParser) -> None:
        token.add_argument("--session", required=True, metavar="ID")
        token.add_argument("--kind", choices=("bearer", "cookie"), default="bearer", help="(default bearer)")
        token.add_argument("--ttl", type=_duration, metavar="TIME", help="how long it is good: 15m (default: config)")
        self._set(token, _token)

    def _add_keys(self, keys: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        create = keys.add_parser("create", help="make a key and print it, once")
        create.add_argument("--type", choices=("project", "user", "organization"), default="project")
        create.add_argument("--member", required=True, metavar="ID", help="whose key it is")
        create.add_argument("--project", metavar="ID", help="what it opens: a project's id or nano id")
        create.add_argument("--name", default="key", help="what people call it")
        create.add_argument("--scope", action="append", default=[], dest="scopes", metavar="SCOPE")
        create.add_argument(
            "--ttl", type=_duration, metavar="TIME", help="how long it is good: 90d (default: for ever)"
        )
        self._set(create, _key_create)
        self._set_with_id(keys.add_parser("delete", help="delete a key"), _key_delete)
        expire = keys.add_parser("expire", help="say when a key expires")
        when = expire.add_mutually_exclusive_group(required=True)
        when.add_argument("--at", type=_instant, metavar="TIME", help="an instant: 2030-01-31T12:00:00Z")
        when.add_argument("--ttl", type=_duration, metavar="TIME", help="from now on: 90d")
        when.add_argument("--never", action="store_true", help="not any more")
        self._set_with_id(expire, _key_expire)

    def _set_with_id(self, parser: argparse.ArgumentParser, command: StartCommand) -> None:
        parser.add_argument("id", metavar="ID")
        self._set(parser, command)

    def _set(self, parser: argparse.ArgumentParser, command: StartCommand) -> None:
        parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the config (YAML)")
        parser.add_argument("--authority", metavar="NAME", help="which directory, where the config has several")
        parser.set_defaults(command=lambda options: self._run(command(options)))


def _below(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        # Without an offset it would be another instant on each machine.
        raise argparse.ArgumentTypeError("an instant is RFC 3339 with its offset: 2030-01-31T12:00:00Z")
    return instant.astimezone(UTC)


# These import their command when they run: a command line is parsed without SQLAlchemy.


def _options(options: argparse.Namespace) -> DirectoryOptions:
    from gateway.commands.directory_commands import DirectoryOptions  # noqa: PLC0415 - see above

    return DirectoryOptions(options.config, options.audit, options.authority)


def _migrate(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import migrate_directory  # noqa: PLC0415 - see above

    return migrate_directory(_options(options))


def _load(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import load_directory  # noqa: PLC0415 - see above

    return load_directory(_options(options), options.records)


def _token(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import issue_directory_token  # noqa: PLC0415 - see above

    return issue_directory_token(_options(options), options.session, options.kind, options.ttl)


def _key_create(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import create_directory_key  # noqa: PLC0415 - see above
    from gateway.directory.operations.api_key_rows import NewKey  # noqa: PLC0415 - see above

    order = NewKey(
        type=options.type,
        name=options.name,
        member=options.member,
        project=options.project,
        scopes=tuple(options.scopes),
        expires_at=_expiry(options.ttl),
    )
    return create_directory_key(_options(options), order)


def _key_delete(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import delete_directory_key  # noqa: PLC0415 - see above

    return delete_directory_key(_options(options), options.id)


def _key_expire(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import expire_directory_key  # noqa: PLC0415 - see above

    return expire_directory_key(_options(options), options.id, _expiry(options.ttl) or options.at)


def _expiry(ttl: float | None) -> datetime | None:
    """Return the instant `ttl` seconds from now, None for never."""
    return datetime.now(UTC) + timedelta(seconds=ttl) if ttl is not None else None


def _member_role(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import change_directory_role  # noqa: PLC0415 - see above

    return change_directory_role(_options(options), options.id, options.role)


def _session_end(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import end_directory_session  # noqa: PLC0415 - see above

    return end_directory_session(_options(options), options.id)


def _organization_remove(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import remove_directory_organization  # noqa: PLC0415 - see above

    return remove_directory_organization(_options(options), options.id)
