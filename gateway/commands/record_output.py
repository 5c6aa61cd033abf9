"""Records as a command prints them: a table for people, JSON for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

_WIDEST = 48
"""Characters of a cell; ids and names are shorter, and what is longer is in the JSON."""


def as_json(value: Any) -> str:
    """Return JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8")


def as_table(rows: Sequence[msgspec.Struct], columns: Sequence[str]) -> str:
    """Return one line a row under the columns' names; columns that are empty in all rows are left out."""
    fields = [msgspec.to_builtins(row) for row in rows]
    cells = [{column: _cell(each.get(column)) for column in columns} for each in fields]
    filled = [column for column in columns if any(each[column] for each in cells)]
    widths = {column: max(len(column), *(len(each[column]) for each in cells)) for column in filled}
    lines = [{column: column.upper() for column in filled}, *cells] if cells else []
    return "\n".join("  ".join(line[column].ljust(widths[column]) for column in filled).rstrip() for line in lines)


def as_lines(row: msgspec.Struct) -> str:
    """Return one line a field of one row."""
    fields = {name: as_text(value) for name, value in msgspec.to_builtins(row).items()}
    width = max(map(len, fields))
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in fields.items())


def _cell(value: Any) -> str:
    text = as_text(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def as_text(value: Any) -> str:
    """Return a value on one line; what a terminal would obey is escaped, since names are anybody's choice."""
    if value is None:
        return ""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
