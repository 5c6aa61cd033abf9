"""The settings of a config file, or every reason why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.check import check_document
from gateway.config.settings import Settings
from gateway.config.watch import Signature, signature
from gateway.model.errors import SettingsError
from gateway.source.document import parse_document, read_text


class ConfigText(msgspec.Struct, frozen=True):
    """A config file as it stood at one moment, which is the same for every process that is handed it."""

    file: str
    text: str

    def __repr__(self) -> str:
        """Show the name alone: a config may hold secrets."""
        return f"ConfigText({self.file})"


class LoadedConfig(msgspec.Struct, frozen=True):
    """What a config says. `files` are its own and those that it names, `seen` how they stood when they were read."""

    config: ConfigText
    settings: Settings
    files: tuple[Path, ...] = ()
    seen: Signature = ()


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of the file; raises SettingsError with every problem that is more than a warning."""
    return load(path, environment).settings


def load(path: Path, environment: Mapping[str, str]) -> LoadedConfig:
    """Read a config file; raises SettingsError with every problem that is more than a warning."""
    seen = signature((path,))  # before it is read: a change in between is noticed then, and never missed
    loaded = load_text(ConfigText(str(path), read_text(path)), environment)
    return msgspec.structs.replace(loaded, seen=seen + signature(loaded.files[1:]))


def load_text(config: ConfigText, environment: Mapping[str, str]) -> LoadedConfig:
    """Make settings of a text; raises SettingsError as `load` does."""
    document = parse_document(config.text, config.file, environment=environment)
    checked = check_document(document)
    if checked.settings is None:
        raise SettingsError([problem for problem in checked.problems if not problem.warning])
    files = tuple(dict.fromkeys(_named(document.data)))
    return LoadedConfig(config, checked.settings, (Path(config.file), *files))


def _named(value: Any) -> Iterator[Path]:
    """Yield the path of every key that ends in `_file`."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
    if isinstance(value, dict):
        for key, each in value.items():
            if key.endswith("_file") and isinstance(each, str):
                yield Path(each)
            else:
                yield from _named(each)
