"""The command line of `gateway directory`: the arguments of each command, and the function that it calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.commands.argument_values import RunningCommand, StartCommand, below, duration, instant
from gateway.commands.noun_arguments import NounArguments, directory_options
from gateway.commands.noun_fields import NOUN_OPTIONS

_ENTRIES = 50
"""Audit entries that are printed where nobody says how many."""


class DirectoryArguments:
    """Adds the commands to a parser. `run` runs one to its end and returns the exit code.

    The parsed arguments have to have an attribute `audit`, the audit log of `open_log`.
    """

    def __init__(self, run: Callable[[RunningCommand], int]) -> None:
        self._run = run

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Add every command."""
        commands = below(parser)
        self._set(commands.add_parser("migrate", help="bring the schema up to date"), _migrate)
        load = commands.add_parser("load", help="import records (YAML or JSON), all or nothing")
        load.add_argument("records", type=Path, metavar="RECORDS")
        load.add_argument("--dry-run", action="store_true", help="print what would be created, changed and deleted")
        load.add_argument("--replace", action="store_true", help="empty what a record does not name")
        self._set(load, _load)
        export = commands.add_parser("export", help="print every record but its secrets; `load` takes it again")
        export.add_argument("--hashes", action="store_true", help="with the hashes of keys and login tokens")
        self._set(export, _export)
        schema = commands.add_parser("schema", help="print the JSON Schema of a records file")
        schema.set_defaults(command=lambda _: self._run(_schema()))
        self._add_token(commands.add_parser("token", help="issue a token for a session"))
        self._add_audit(commands.add_parser("audit", help="who changed what, the newest first"))
        for name, noun in NOUN_OPTIONS.items():
            NounArguments(noun, self._set).add(commands.add_parser(name, help=noun.help))

    def _add_token(self, token: argparse.ArgumentParser) -> None:
        token.add_argument("--session", required=True, metavar="ID")
        token.add_argument("--kind", choices=("bearer", "cookie", "refresh"), default="bearer", help="(default bearer)")
        token.add_argument("--ttl", type=duration, metavar="TIME", help="how long it is good: 15m (default: config)")
        self._set(token, _token)

    def _add_audit(self, audit: argparse.ArgumentParser) -> None:
        audit.add_argument("--kind", metavar="NOUN", help="of a user, member, api_key ...")
        audit.add_argument("--id", metavar="ID", help="of this row")
        audit.add_argument("--user", metavar="ID", help="by this person")
        audit.add_argument("--since", type=instant, metavar="TIME")
        audit.add_argument("--until", type=instant, metavar="TIME")
        audit.add_argument("--limit", type=int, default=_ENTRIES, metavar="NUMBER", help=f"(default {_ENTRIES})")
        audit.add_argument("--json", action="store_true", help="print JSON, with the rows before and after")
        self._set(audit, _audit)

    def _set(self, parser: argparse.ArgumentParser, command: StartCommand) -> None:
        parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the config (YAML)")
        parser.add_argument("--authority", metavar="NAME", help="which directory, where the config has several")
        parser.set_defaults(command=lambda options: self._run(command(options)))


# These import their command when they run: a command line is parsed without SQLAlchemy.


def _migrate(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import migrate_directory  # noqa: PLC0415 - see above

    return migrate_directory(directory_options(options))


def _load(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import load_directory  # noqa: PLC0415 - see above

    how = {"replace": options.replace, "dry_run": options.dry_run}
    return load_directory(directory_options(options), options.records, **how)


def _export(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import export_directory  # noqa: PLC0415 - see above

    return export_directory(directory_options(options), sys.stdout.write, hashes=options.hashes)


def _schema() -> RunningCommand:
    from gateway.commands.directory_commands import print_schema  # noqa: PLC0415 - see above

    return print_schema()


def _token(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import issue_directory_token  # noqa: PLC0415 - see above

    return issue_directory_token(directory_options(options), options.session, options.kind, options.ttl)


def _audit(options: argparse.Namespace) -> RunningCommand:
    from gateway.commands.directory_commands import list_directory_audit  # noqa: PLC0415 - see above
    from gateway.directory.operations.audit_trail import AuditFilter  # noqa: PLC0415 - see above

    wanted = AuditFilter(kind=options.kind, id=options.id, user=options.user, since=options.since, until=options.until)
    return list_directory_audit(directory_options(options), wanted, max(options.limit, 1), json=options.json)
