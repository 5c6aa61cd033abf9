"""Reading a config file: its settings, every problem of it, and whether its files have changed since."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from gateway.config.check_actions import check_actions
from gateway.config.check_credentials import check_credentials
from gateway.config.check_key_files import check_key_files
from gateway.config.check_listen import check_listen
from gateway.config.check_routes import check_routes
from gateway.config.check_sections import check_sections
from gateway.config.check_sign_in import check_sign_in
from gateway.config.partial import read_partial
from gateway.config.relative_paths import settle_paths
from gateway.config.settings import Settings
from gateway.model.errors import Problem, SettingsError
from gateway.source.document import Document, KeyPath, open_document, parse_document, read_text
from gateway.source.token_file import READ_WHEN_SHOWN
from gateway.source.wording import misspelt_keys, problems_of, unknown_keys

FileSignature = tuple[tuple[int, int, int, int] | None, ...]
"""Device, inode, modification time and size of each file; None for one that is missing."""


class ConfigText(msgspec.Struct, frozen=True):
    """A config file's text as it was read, the same for every process that is handed it."""

    file: str
    text: str

    def __repr__(self) -> str:
        """Show the name alone: a config may hold secrets."""
        return f"ConfigText({self.file})"


class LoadedConfig(msgspec.Struct, frozen=True):
    """A usable config, and what `check` warns of.

    `files` are its own and those that it names, `signature` theirs when they were read.
    """

    config: ConfigText
    settings: Settings
    files: tuple[Path, ...] = ()
    signature: FileSignature = ()
    warnings: tuple[Problem, ...] = ()


class CheckedConfig(msgspec.Struct, frozen=True):
    """Every problem of a config, and its settings unless one of them is more than a warning."""

    settings: Settings | None
    problems: tuple[Problem, ...]


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a config file; raises SettingsError with every problem that is more than a warning."""
    return load(path, environment).settings


def load(path: Path, environment: Mapping[str, str]) -> LoadedConfig:
    """Read a config file; raises SettingsError with every problem that is more than a warning."""
    own = file_signature((path,))  # taken before the file is read, so that a change in between is noticed
    loaded = load_text(ConfigText(str(path), read_text(path)), environment)
    return msgspec.structs.replace(loaded, signature=own + file_signature(loaded.files[1:]))


def load_text(config: ConfigText, environment: Mapping[str, str]) -> LoadedConfig:
    """Read a config's text; raises SettingsError with every problem that is more than a warning."""
    document = parse_document(config.text, config.file, environment=environment)
    checked = check_document(document)
    if checked.settings is None:
        raise SettingsError([problem for problem in checked.problems if not problem.warning])
    files = tuple(dict.fromkeys(_named_files(document.data)))
    return LoadedConfig(config, checked.settings, (Path(config.file), *files), warnings=checked.problems)


def check_file(path: Path, environment: Mapping[str, str]) -> CheckedConfig:
    """Read and check a config file; never raises for its content."""
    try:
        document = open_document(path, environment=environment)
    except SettingsError as error:
        return CheckedConfig(None, error.problems)
    checked = check_document(document)
    of_files = tuple(check_key_files(read_partial(document)))
    return CheckedConfig(None if of_files else checked.settings, _in_order((*checked.problems, *of_files)))


def check_document(document: Document) -> CheckedConfig:
    """Check a YAML document: its text, each key, and what its keys mean together."""
    settle_paths(document.data, document.file)
    settings, problems = _validate(document)
    config = read_partial(document)
    problems += [*check_listen(config), *check_sections(config), *check_credentials(config)]
    problems += [*check_actions(config), *check_routes(config)]
    problems += check_sign_in(config)
    ordered = _in_order(problems)
    usable = all(problem.warning for problem in ordered)
    return CheckedConfig(settings if usable else None, ordered)


def file_signature(files: Iterable[Path]) -> FileSignature:
    """Return what changes with the files.

    Symbolic links are followed: Kubernetes replaces a ConfigMap by pointing a link at another folder. The inode tells
    two files apart that were written in the same instant.
    """
    return tuple(map(_stat, files))


class Watch:
    """Decides, whenever it is asked, whether there is a new config to load."""

    def __init__(self) -> None:
        self._previous: FileSignature = ()
        self._reported: FileSignature = ()

    def is_due(self, files: Iterable[Path], loaded: FileSignature) -> bool:
        """Return whether `files` differ from what was `loaded`, and are as they were the last time this was asked.

        An editor, or `cp`, writes a file in several steps, and half of a config is not to be loaded. Each change is
        reported once: a broken config is not better a second later.
        """
        current = file_signature(files)
        is_settled, self._previous = current == self._previous, current
        if not is_settled or current in {loaded, self._reported}:
            return False
        self._reported = current
        return True


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems), key=lambda each: (each.line, each.column, each.path, each.text)))


def _validate(document: Document) -> tuple[Settings | None, list[Problem]]:
    """Return the settings, or None, and the problems of single keys."""
    problems = list(document.faults)
    if document.data is not None and not isinstance(document.data, dict):
        return None, [*problems, document.problem((), "must be a map of keys to values")]
    try:
        return Settings.model_validate(document.data or {}), problems
    except ValidationError as error:
        meant = [*_read_as_meant(document, misspelt_keys(error, document))]
        if meant:
            return None, [*meant, *_validate(document)[1]]
        # A key without a value is reported as that, and not once more as no number, string or list.
        without_value = {fault.path for fault in document.faults}
        return None, problems + [each for each in problems_of(error, document) if each.path not in without_value]


def _read_as_meant(document: Document, misspelt: Mapping[KeyPath, str]) -> Iterator[Problem]:
    """Yield the problem of each misspelt key, and give it its name: what refers to it is no further problem.

    A key keeps its own name where the one that it is nearly is not known there either.
    """
    for path, name in misspelt.items():
        *above, key = path
        beside = document.data
        for step in above:
            beside = beside[step]
        if name in beside:
            continue
        beside[name] = beside.pop(key)
        if (*above, name) in _unknown(document):
            beside[key] = beside.pop(name)
        else:
            yield document.problem(path, f"is not a key that is known here: did you mean {name}?")


def _unknown(document: Document) -> list[KeyPath]:
    try:
        Settings.model_validate(document.data)
    except ValidationError as error:
        return unknown_keys(error, document)
    return []


def _named_files(value: Any) -> Iterator[Path]:
    """Yield the path of every key that ends in `_file`, less those whose files are read again by whoever uses them."""
    if isinstance(value, list):
        for item in value:
            yield from _named_files(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith("_file") and isinstance(item, str):
                if key not in READ_WHEN_SHOWN:
                    yield Path(item)
            else:
                yield from _named_files(item)


def _stat(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - one system call, many times
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
