"""The commands of `gateway directory` that are about no single noun: the schema, whole files, tokens, and the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from gateway.authorities.directory import open_peppers
from gateway.commands.command_output import COMMAND, CommandResult
from gateway.commands.opened_directory import DirectoryOptions, find_directory, open_directory_of
from gateway.commands.record_output import as_json, as_table
from gateway.directory.loading import load_records
from gateway.directory.operations.audit_trail import AuditEntry, AuditFilter, list_audit
from gateway.directory.operations.paging import PAGE_LIMIT, PageOrder
from gateway.directory.operations.session_operations import issue_token


async def migrate_directory(options: DirectoryOptions) -> CommandResult:
    """Bring the schema up to date; raises GatewayError."""
    from gateway.directory.migrating import migrate  # noqa: PLC0415 - alembic takes half a second

    _, name, directory = find_directory(options)
    await migrate(directory.url.get_secret_value())
    return CommandResult(f"the schema of {name} is up to date")


async def load_directory(options: DirectoryOptions, records: Path) -> CommandResult:
    """Import a records file, all or nothing; raises GatewayError."""
    async with open_directory_of(options) as opened:
        peppers = open_peppers(opened.directory_settings)
        loaded = await load_records(opened.directory, peppers, records, opened.notifications)
        counts = ", ".join(f"{count} {table}" for table, count in loaded.rows.items() if count)
        output = f"loaded {counts or 'nothing'}"
        options.audit.changed(COMMAND, ("directory", opened.name), output)
        return opened.result(output)


async def issue_directory_token(
    options: DirectoryOptions, session_id: str, kind: Literal["bearer", "cookie"], ttl: float | None
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
