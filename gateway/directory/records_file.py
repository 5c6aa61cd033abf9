"""Reads a records file, and finds each mistake that shows in the file alone, with its line."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.directory.records import Records
from gateway.model.errors import Problem, RecordsError
from gateway.source.document import Document, KeyPath, load_document


class RecordsFile(msgspec.Struct, frozen=True):
    """Records without a mistake in themselves, and the document with their lines."""

    records: Records
    document: Document


class Reference(msgspec.Struct, frozen=True):
    """A record's mention of a row of `table`, in the file or in the directory."""

    path: KeyPath
    table: str
    id: str


_REFERENCES = {
    "workspaces": {"organization": "organizations"},
    "members": {"organization": "organizations", "user": "users"},
    "projects": {"organization": "organizations"},
    "api_keys": {"project": "projects", "member": "members"},
    "sessions": {"user": "users", "organization": "organizations", "workspace": "workspaces"},
}
"""The table that each field of each kind of record refers to."""

_UNIQUE = {
    "projects": ("auto_id", "nano_id"),
    "api_keys": ("auto_id", "key", "key_hash", "stored_hash"),
}
"""The fields that no two records of a kind share, besides their id."""


def read_records(path: Path) -> RecordsFile:
    """Read YAML or JSON; raises RecordsError with every problem found."""
    document = load_document(path, error=RecordsError)
    try:
        records = Records.model_validate(document.data if document.data is not None else {})
    except ValidationError as found:
        raise RecordsError([_problem(document, error) for error in found.errors(include_url=False)]) from None
    problems = [document.problem(place, text) for place, text in _repeated(records)]
    if problems:
        raise RecordsError(problems)
    return RecordsFile(records, document)


def references(records: Records) -> Iterator[Reference]:
    """Yield every mention of another row, in the order of the tables."""
    for name, fields in _REFERENCES.items():
        for position, record in enumerate(getattr(records, name)):
            for field, table in fields.items():
                referred = getattr(record, field)
                if referred is not None:
                    yield Reference((name, position, field), table, referred)
    for position, session in enumerate(records.sessions):
        for place, signin in enumerate(session.signins):
            if signin.user is not None:
                yield Reference(("sessions", position, "signins", place, "user"), "users", signin.user)


_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
    "string_type": "must be text: quote it",
    "model_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
}
"""By pydantic's kind of error, in words for somebody who writes YAML."""


def _problem(document: Document, error: ErrorDetails) -> Problem:
    text = _MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return document.problem(error["loc"], text[0].lower() + text[1:])


def _repeated(records: Records) -> Iterator[tuple[KeyPath, str]]:
    """Yield the path and the problem of each value that must be unique and is repeated, at its second place."""
    for name in Records.model_fields:
        for field in ("id", *_UNIQUE.get(name, ())):
            places: list[tuple[KeyPath, Hashable]] = [
                ((name, at, field), value)
                for at, record in enumerate(getattr(records, name))
                if (value := getattr(record, field)) is not None
            ]
            yield from _twice(places, f"another of the {name} has it already")
    memberships = [
        (("members", at), (member.organization, member.user))
        for at, member in enumerate(records.members)
        if member.user is not None
    ]
    yield from _twice(memberships, "this user is a member of this organization already")
    signins = [
        (("sessions", at, "signins", place, "id"), signin.id)
        for at, session in enumerate(records.sessions)
        for place, signin in enumerate(session.signins)
    ]
    yield from _twice(signins, "another of the signins has it already")


def _twice(values: Sequence[tuple[KeyPath, Hashable]], text: str) -> Iterator[tuple[KeyPath, str]]:
    seen: set[Hashable] = set()
    for place, value in values:
        if value in seen:
            yield place, text
        seen.add(value)
