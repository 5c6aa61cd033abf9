"""Every problem of a config, not the first: of its text, of its keys, and of what they say together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from pydantic import ValidationError

from gateway.config.check_credentials import check_credentials
from gateway.config.check_routes import check_routes
from gateway.config.check_sections import check_sections
from gateway.config.partial import read_partial
from gateway.config.settings import Settings
from gateway.model.errors import Problem, SettingsError
from gateway.source.document import Document, open_document
from gateway.source.wording import problems_of


class Checked(msgspec.Struct, frozen=True):
    """A config that was read: its settings, unless they cannot be used, and everything that is to be said of it."""

    settings: Settings | None
    problems: tuple[Problem, ...]


def check_file(path: Path, environment: Mapping[str, str]) -> Checked:
    """Read and check a config file; never raises for what the file says."""
    try:
        document = open_document(path, environment=environment)
    except SettingsError as error:
        return Checked(None, error.problems)
    return check_document(document)


def check_document(document: Document) -> Checked:
    """Check a document that is YAML; `settings` are there only when no problem is more than a warning."""
    settings, problems = _validated(document)
    parts = read_partial(document)
    problems += [*check_sections(parts), *check_credentials(parts), *check_routes(parts)]
    told = sorted(set(problems), key=lambda problem: (problem.line, problem.column, problem.path, problem.text))
    usable = all(problem.warning for problem in told)
    return Checked(settings if usable else None, tuple(told))


def _validated(document: Document) -> tuple[Settings | None, list[Problem]]:
    """Return the settings, or None, and the problems of single keys."""
    problems = list(document.faults)
    if document.data is not None and not isinstance(document.data, dict):
        return None, [*problems, document.problem((), "must be a map of keys to values")]
    try:
        return Settings.model_validate(document.data or {}), problems
    except ValidationError as error:
        told = {fault.path for fault in document.faults}  # what has no value is no number, no string and no list either
        return None, problems + [problem for problem in problems_of(error, document) if problem.path not in told]
