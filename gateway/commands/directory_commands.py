"""The commands of `gateway directory` that are about no single noun: the schema, whole files, tokens, and the audit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from gateway.authorities.directory import open_peppers
from gateway.commands.command_output import CommandResult
from gateway.commands.opened_directory import DirectoryOptions, find_directory, open_directory_of
from gateway.commands.progress import Progress
from gateway.commands.record_output import as_json, as_table, as_text
from gateway.directory.exporting import export_records
from gateway.directory.loading import LoadOptions, load_records
from gateway.directory.operations.audit_trail import AuditEntry, AuditFilter, list_audit
from gateway.directory.operations.paging import PAGE_LIMIT, PageOrder
from gateway.directory.operations.session_operations import issue_token
from gateway.directory.operations.transaction import ChangedRow
from gateway.directory.records_schema import records_schema


async def migrate_directory(options: DirectoryOptions) -> CommandResult:
    """Bring the schema up to date; raises GatewayError."""
    from gateway.directory.migrating import migrate  # noqa: PLC0415 - alembic takes half a second

    _, name, directory = find_directory(options)
    await migrate(directory.url.get_secret_value())
    return CommandResult(f"the schema of {name} is up to date")


async def load_directory(
    options: DirectoryOptions, records: Path, *, replace: bool = False, dry_run: bool = False
) -> CommandResult:
    """Import a records file, all or nothing, or print what that would change; raises GatewayError."""
    async with open_directory_of(options) as opened:
        peppers, actor = open_peppers(opened.directory_settings), opened.context.actor
        progress = Progress(sys.stderr)
        progress.say(f"reading {records}")
        how = LoadOptions(actor=actor, replace=replace, dry_run=dry_run, on_table=progress.say)
        try:
            loaded = await load_records(opened.directory, peppers, records, opened.notifications, how)
        finally:
            progress.clear()
        if dry_run:
            lines = [_difference(row) for row in loaded.differences]
            return CommandResult("\n".join(lines) or "nothing would change")
        counts = ", ".join(f"{count} {table}" for table, count in loaded.rows.items() if count)
        output = f"loaded {counts or 'nothing'}"
        options.audit.changed(actor, ("directory", opened.name), output)
        return opened.result(output)


async def export_directory(options: DirectoryOptions, write: Callable[[str], object], *, hashes: bool) -> CommandResult:
    """Write every record but its secrets, which `load` takes again; raises GatewayError."""
    progress = Progress(sys.stderr, sys.stdout)
    async with open_directory_of(options) as opened:
        try:
            async for line in export_records(opened.directory, hashes=hashes):
                write(f"{line}\n")
                progress.count("records")
        finally:
            progress.clear()
    return CommandResult("")


async def print_schema() -> CommandResult:
    """Print the JSON Schema of a records file."""
    return CommandResult(as_json(records_schema()))


def _difference(row: ChangedRow) -> str:
    """Return a line of a diff: what is created, changed with its fields, or deleted."""
    before, after = row.before or {}, row.after or {}
    fields = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    changed = "; ".join(f"{name}: {as_text(before.get(name))} -> {as_text(after.get(name))}" for name in fields)
    if row.operation == "changed":
        return f"changed {row.noun} {row.id}: {changed or 'a secret'}"
    return f"{row.operation} {row.noun} {row.id}"


async def issue_directory_token(
    options: DirectoryOptions, session_id: str, kind: Literal["bearer", "cookie", "refresh"], ttl: float | None
) -> CommandResult:
    """Sign a token for a session, valid for `ttl` seconds, which is the result's output; raises GatewayError."""
    async with open_directory_of(options) as opened:
        return CommandResult(await issue_token(opened.context, session_id, kind, ttl))


async def list_directory_audit(
    options: DirectoryOptions, wanted: AuditFilter, limit: int, *, json: bool
) -> CommandResult:
    """Print the newest audit entries; raises GatewayError."""
    entries: list[AuditEntry] = []
    async with open_directory_of(options) as opened:
        order: PageOrder | None = PageOrder(limit=min(limit, PAGE_LIMIT))
        while order is not None:
            page = await list_audit(opened.context, wanted, order)
            entries += page.rows
            left = limit - len(entries)
            order = PageOrder(page.cursor, min(left, PAGE_LIMIT)) if page.cursor is not None and left > 0 else None
    if json:
        return CommandResult(as_json(entries))
    columns = ("at", "operation", "kind", "id", "by", "user", "credential", "client", "request_id")
    return CommandResult(as_table(entries, columns))
