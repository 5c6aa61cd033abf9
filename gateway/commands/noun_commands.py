"""The commands of one noun: `gateway directory user list` and its like; each is one operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.commands.command_output import CommandResult
from gateway.commands.noun_fields import NounOptions
from gateway.commands.opened_directory import DirectoryOptions, OpenedDirectory, open_directory_of
from gateway.commands.record_output import as_json, as_lines, as_table
from gateway.directory.operations.api_key_operations import find_key, rotate_key
from gateway.directory.operations.api_key_rows import IssuedKey
from gateway.directory.operations.nouns import NOUNS
from gateway.directory.operations.paging import PAGE_LIMIT, PageOrder
from gateway.directory.operations.record_fields import reworded
from gateway.directory.operations.record_table import RecordRow
from gateway.directory.operations.session_operations import end_session, end_sessions
from gateway.directory.operations.session_rows import IssuedSession
from gateway.model.errors import InvalidRecordError

FieldValues = Mapping[str, Any]
"""Field -> its value, as the command line has it."""


class NounCommands:
    """Runs the operations of one noun; `json` prints what scripts read. Every method raises GatewayError."""

    def __init__(self, options: DirectoryOptions, noun: NounOptions, *, json: bool) -> None:
        self._options = options
        self._noun = noun
        self._operations = NOUNS[noun.noun]
        self._json = json

    async def list(self, wanted: FieldValues, limit: int | None) -> CommandResult:
        """Print the rows that are wanted, `limit` at most."""
        rows: list[RecordRow] = []
        criteria = _converted(wanted, self._operations.wanted)
        async with open_directory_of(self._options) as opened:
            order: PageOrder | None = PageOrder(limit=min(limit or PAGE_LIMIT, PAGE_LIMIT))
            while order is not None:
                page = await self._operations.list(opened.context, criteria, order)
                rows += page.rows
                is_full = limit is not None and len(rows) >= limit
                order = None if page.cursor is None or is_full else PageOrder(page.cursor, order.limit)
        rows = rows[:limit]
        return CommandResult(as_json(rows) if self._json else as_table(rows, self._noun.columns))

    async def show(self, row_id: str) -> CommandResult:
        """Print one row."""
        async with open_directory_of(self._options) as opened:
            row_id = await self._id(opened, row_id)
            return CommandResult(self._row(await self._operations.show(opened.context, row_id)))

    async def create(self, fields: FieldValues) -> CommandResult:
        """Create a row and print it; of a key the key alone, of a session its credentials."""
        operation, new = self._operations.create, self._operations.new
        if operation is None or new is None:
            raise InvalidRecordError(f"a {self._noun.noun} cannot be created")
        record = _converted(fields, new)
        async with open_directory_of(self._options) as opened:
            return self._made(opened, await operation(opened.context, record))

    async def change(self, row_id: str, fields: FieldValues, said: str = "") -> CommandResult:
        """Set fields of a row, and print it, or what is `said` of it."""
        operation, changes = self._operations.change, self._operations.changes
        if operation is None or changes is None:
            raise InvalidRecordError(f"a {self._noun.noun} cannot be changed")
        change = _converted(fields, changes)
        async with open_directory_of(self._options) as opened:
            row = await operation(opened.context, await self._id(opened, row_id), change)
            return opened.result(f"{row.id} {said}" if said and not self._json else self._row(row))

    async def delete(self, row_id: str) -> CommandResult:
        """Delete a row."""
        operation = self._operations.delete
        if operation is None:
            raise InvalidRecordError(f"a {self._noun.noun} cannot be deleted")
        async with open_directory_of(self._options) as opened:
            row_id = await self._id(opened, row_id)
            await operation(opened.context, row_id)
            return opened.result(as_json({"deleted": row_id}) if self._json else f"deleted {row_id}")

    async def end(self, session_id: str | None, user: str | None, keep: str | None) -> CommandResult:
        """Log out one session, or those of a user, all but `keep`."""
        async with open_directory_of(self._options) as opened:
            if user is not None:
                ended = await end_sessions(opened.context, user, keep)
            elif session_id is not None:
                ended = ((await end_session(opened.context, session_id)).id,)
            else:
                raise InvalidRecordError("name a session, or a --user")
            text = as_json({"ended": ended}) if self._json else "\n".join(f"ended {each}" for each in ended)
            return opened.result(text, "" if ended else f"{user} has no live session")

    async def rotate(self, key: str, overlap: float) -> CommandResult:
        """Create a key's successor and print it; both are good for `overlap` seconds."""
        async with open_directory_of(self._options) as opened:
            key_id = await self._id(opened, key)
            return self._made(opened, await rotate_key(opened.context, key_id, overlap))

    async def _id(self, opened: OpenedDirectory, text: str) -> str:
        """Return the id that is meant: a key may be named by its visible beginning."""
        return (await find_key(opened.context, text)).id if self._noun.noun == "api_key" else text

    def _row(self, row: RecordRow) -> str:
        return as_json(row) if self._json else as_lines(row)

    def _made(self, opened: OpenedDirectory, made: Any) -> CommandResult:
        if self._json:
            return opened.result(as_json(made))
        if isinstance(made, IssuedKey):
            return opened.result(made.key, f"this key is shown once; its id is {made.api_key.id}")
        if isinstance(made, IssuedSession):
            pair = {"user_id": made.pair.user_id, "token": made.pair.token} if made.pair is not None else {}
            secrets = {"session": made.session.id, "cookie": made.cookie, "bearer": made.bearer, **pair}
            lines = [f"{name.ljust(7)}  {value}" for name, value in secrets.items() if value is not None]
            return opened.result("\n".join(lines), "these credentials are shown once")
        return opened.result(self._row(made))


def _converted(fields: FieldValues, struct: type[msgspec.Struct]) -> Any:
    """Return the struct of an operation; raises InvalidRecordError with the field's name."""
    try:
        return msgspec.convert(fields, struct, strict=False)
    except msgspec.ValidationError as fault:
        raise InvalidRecordError(reworded(str(fault))) from None
