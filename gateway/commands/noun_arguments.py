"""The command line of one noun: `gateway directory user list|show|create|change|delete` and its like."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.commands.argument_values import RunningCommand, StartCommand, below, duration, instant
from gateway.commands.noun_fields import JSON_FIELDS, LISTS, NounOptions
from gateway.model.errors import InvalidRecordError

if TYPE_CHECKING:
    from gateway.commands.noun_commands import NounCommands
    from gateway.commands.opened_directory import DirectoryOptions

SetCommand = Callable[[argparse.ArgumentParser, StartCommand], None]
"""Adds the options of every command of the directory, and the function that runs it."""

_DAY = 86400.0


class NounArguments:
    """Adds the commands of one noun to a parser."""

    def __init__(self, noun: NounOptions, set_command: SetCommand) -> None:
        self._noun = noun
        self._set_command = set_command

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Add every command."""
        noun, verbs = self._noun, below(parser)
        listing = verbs.add_parser("list", help="print those that are wanted")
        self._add_fields(listing, noun.wanted, ())
        listing.add_argument("--limit", type=_limit, metavar="NUMBER", help="at most so many (default: all)")
        self._set(listing, _list)
        self._with_id(verbs.add_parser("show", help="print one"), _show)
        if noun.create:
            create = verbs.add_parser("create", help="make one and print it")
            self._add_fields(create, noun.create, noun.required)
            self._set(create, _create)
        if noun.change:
            change = verbs.add_parser("change", help="set fields of one and print it")
            self._add_fields(change, noun.change, ())
            change.add_argument("--clear", action="append", default=[], choices=noun.change, metavar="FIELD")
            self._with_id(change, _change)
        if noun.deleted:
            aliases = ["remove"] if noun.noun == "organization" else []
            self._with_id(verbs.add_parser("delete", help=noun.deleted, aliases=aliases), _delete)
        if noun.ends:
            self._add_end(verbs.add_parser("end", help="log a session out, or those of a user"))
        if noun.noun == "api_key":
            rotate = verbs.add_parser("rotate", help="make a successor, and print it")
            rotate.add_argument("--overlap", type=duration, default=_DAY, metavar="TIME", help="both are good (24h)")
            self._with_id(rotate, _rotate)
            self._add_expire(verbs.add_parser("expire", help="say when a key expires"))
        if noun.noun == "member":
            role = verbs.add_parser("role", help="give a member another role in its organization, or none")
            role.add_argument("id", metavar="ID")
            role.add_argument("role", nargs="?", metavar="ROLE")
            self._set(role, _role)

        if noun.noun == "user":
            password = verbs.add_parser("password", help="give a user the password that standard input has")
            password.add_argument("--remove", action="store_true", help="take it away")
            password.add_argument("--keep-sessions", action="store_true", help="sign the user out nowhere")
            password.add_argument("id", metavar="ID")
            self._set_command(password, _password)

    def _add_fields(self, parser: argparse.ArgumentParser, fields: tuple[str, ...], required: tuple[str, ...]) -> None:
        for field in fields:
            names = [f"--{field.replace('_', '-')}"]
            if field in LISTS:  # one value at a time reads better in the singular
                names.append(names[0].removesuffix("s"))
                parser.add_argument(*names, dest=field, action="append", metavar="VALUE")
            elif field == "ttl":
                parser.add_argument("--ttl", type=duration, metavar="TIME", help="how long it is good: 90d")
            elif field == "idle":
                parser.add_argument("--idle", type=duration, metavar="TIME", help="it ends when unused for it: 24h")
            elif field == "expires_at":
                when = parser.add_mutually_exclusive_group()
                when.add_argument("--expires-at", type=instant, metavar="TIME", help="2030-01-31T12:00:00Z")
                when.add_argument("--ttl", type=duration, metavar="TIME", dest="expires_in", help="from now on: 90d")
            else:
                kind = _json if field in JSON_FIELDS else str
                parser.add_argument(*names, dest=field, type=kind, required=field in required, metavar="VALUE")

    def _add_end(self, end: argparse.ArgumentParser) -> None:
        end.add_argument("id", nargs="?", metavar="ID")
        end.add_argument("--user", metavar="ID", help="every session of this user")
        end.add_argument("--except", dest="keep", metavar="ID", help="but this one")
        self._set(end, _end)

    def _add_expire(self, expire: argparse.ArgumentParser) -> None:
        when = expire.add_mutually_exclusive_group(required=True)
        when.add_argument("--at", type=instant, metavar="TIME", help="an instant: 2030-01-31T12:00:00Z")
        when.add_argument("--ttl", type=duration, metavar="TIME", help="from now on: 90d")
        when.add_argument("--never", action="store_true", help="not any more")
        self._with_id(expire, _expire)

    def _with_id(self, parser: argparse.ArgumentParser, start: _StartNoun) -> None:
        parser.add_argument("id", metavar="ID")
        self._set(parser, start)

    def _set(self, parser: argparse.ArgumentParser, start: _StartNoun) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
        self._set_command(parser, lambda options: start(_commands(self._noun, options), self._noun, options))


_StartNoun = Callable[["NounCommands", NounOptions, argparse.Namespace], RunningCommand]


def _commands(noun: NounOptions, options: argparse.Namespace) -> NounCommands:
    from gateway.commands.noun_commands import NounCommands  # noqa: PLC0415 - a command line is parsed without SQL

    return NounCommands(directory_options(options), noun, json=options.json)


def directory_options(options: argparse.Namespace) -> DirectoryOptions:
    """Return what every command of the directory is given."""
    from gateway.commands.opened_directory import DirectoryOptions  # noqa: PLC0415 - see above

    return DirectoryOptions(options.config, options.audit, options.authority)


def _fields(names: tuple[str, ...], options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that the command line names."""
    fields = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    if getattr(options, "expires_in", None) is not None:
        fields["expires_at"] = datetime.now(UTC) + timedelta(seconds=options.expires_in)
    return fields


def _list(commands: NounCommands, noun: NounOptions, options: argparse.Namespace) -> RunningCommand:
    return commands.list(_fields(noun.wanted, options), options.limit)


def _show(commands: NounCommands, _: NounOptions, options: argparse.Namespace) -> RunningCommand:
    return commands.show(options.id)


def _create(commands: NounCommands, noun: NounOptions, options: argparse.Namespace) -> RunningCommand:
    fields = _fields(noun.create, options)
    if noun.noun == "api_key":
        fields.setdefault("type", "project")
    return commands.create(fields)


def _change(commands: NounCommands, noun: NounOptions, options: argparse.Namespace) -> RunningCommand:
    fields = _fields(noun.change, options) | dict.fromkeys(options.clear)
    if not fields:
        raise InvalidRecordError("name a field to set, or to --clear")
    return commands.change(options.id, fields)


def _delete(commands: NounCommands, _: NounOptions, options: argparse.Namespace) -> RunningCommand:
    return commands.delete(options.id)


def _end(commands: NounCommands, _: NounOptions, options: argparse.Namespace) -> RunningCommand:
    if (options.id is None) == (options.user is None) or (options.keep is not None and options.user is None):
        raise InvalidRecordError("name a session, or a --user with or without --except")
    return commands.end(options.id, options.user, options.keep)


def _rotate(commands: NounCommands, _: NounOptions, options: argparse.Namespace) -> RunningCommand:
    return commands.rotate(options.id, options.overlap)


def _expire(commands: NounCommands, _: NounOptions, options: argparse.Namespace) -> RunningCommand:
    at = datetime.now(UTC) + timedelta(seconds=options.ttl) if options.ttl is not None else options.at
    said = f"expires at {at.isoformat(timespec='seconds')}" if at is not None else "never expires"
    return commands.change(options.id, {"expires_at": at}, said)


def _role(commands: NounCommands, _: NounOptions, options: argparse.Namespace) -> RunningCommand:
    said = f"has the role {options.role}" if options.role is not None else "has no role"
    return commands.change(options.id, {"role": options.role}, said)


def _password(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_passwords import set_directory_password  # noqa: PLC0415 - see above

    return set_directory_password(
        directory_options(options), options.id, remove=options.remove, keep_sessions=options.keep_sessions
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise argparse.ArgumentTypeError('this is JSON: {"name": "Firefox"}') from None


def _limit(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(text)
