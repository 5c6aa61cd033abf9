"""Relative paths in a config follow the config's folder, wherever the program was started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SQLITE = "sqlite:///"


def settle_paths(data: Any, file: str) -> None:
    """Put the folder of `file` before each relative path in `data`: of `..._file` keys, and of SQLite's URLs."""
    folder = Path(file).parent
    if folder != Path():
        _settle(data, folder.absolute())


def _settle(value: Any, folder: Path) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = _settled(key, item, folder)
            _settle(item, folder)
    elif isinstance(value, list):
        for item in value:
            _settle(item, folder)


def _settled(key: str, value: Any, folder: Path) -> Any:
    if not isinstance(value, str) or not value:
        return value
    if key.endswith("_file"):
        return str(folder / value)
    if value.startswith(_SQLITE) and not value.startswith(f"{_SQLITE}:"):
        path, mark, query = value.removeprefix(_SQLITE).partition("?")
        return f"{_SQLITE}{folder / path}{mark}{query}" if path else value
    return value
