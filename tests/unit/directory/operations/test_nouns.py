"""What each noun's operations do alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.directory.operations.nouns import NOUNS
from gateway.directory.operations.paging import FIRST_PAGE, PageOrder
from gateway.directory.store import Directory
from gateway.model.errors import ClashError, InvalidRecordError, MissingRecordError, OutdatedError
from tests.support.builders.directory import Changes, context_of, opened
from tests.support.fakes.audited import Audited

pytestmark = pytest.mark.slow

ORGANIZATION, JOHN, USER = "org_abc123xyz456", "550e8400-e29b-41d4-a716-446655440002", "user_456789123"
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "user": ({"id": "new"}, {"name": "Jane"}),
    "organization": ({"id": "new", "name": "New"}, {"plan": "pro"}),
    "member": ({"id": "new", "organization": ORGANIZATION, "role": "admin"}, {"role": "viewer", "status": "suspended"}),
    "workspace": ({"id": "new", "organization": ORGANIZATION}, {"name": "W"}),
    "project": ({"id": "new", "organization": ORGANIZATION}, {"name": "P", "webhook_version": "V2"}),
    "api_key": ({"type": "user", "member": JOHN}, {"name": "K", "scopes": ["read"]}),
    "session": ({"user": USER}, {"scopes": ["read"]}),
}


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


def test_every_noun_that_can_be_created_has_a_case() -> None:
    assert {name for name, noun in NOUNS.items() if noun.create is not None} == set(CASES)
    assert {name: noun.table.noun for name, noun in NOUNS.items()} == {name: name for name in NOUNS}


async def created(directory: Directory, name: str) -> Any:
    noun = NOUNS[name]
    assert noun.create is not None
    made = await noun.create(context_of(directory), msgspec.convert(CASES[name][0], noun.new))
    return getattr(made, name, made)


@pytest.mark.parametrize("name", CASES)
async def test_a_row_is_created_listed_shown_and_changed(directory: Directory, name: str) -> None:
    noun, audited, changes = NOUNS[name], Audited(), Changes()
    context = context_of(directory, changes, audited)
    row = await created(directory, name)
    assert await noun.show(context, row.id) == row
    every: list[Any] = []
    order = PageOrder(limit=2)
    while True:
        page = await noun.list(context, noun.wanted(), order)
        every += page.rows
        if page.cursor is None:
            break
        order = PageOrder(page.cursor, 2)
    assert row in every
    assert tuple(every) == (await noun.list(context, noun.wanted(), FIRST_PAGE)).rows
    fields = CASES[name][1]
    assert noun.change is not None
    changed = await noun.change(context, row.id, msgspec.convert(fields, noun.changes), row.version)
    shown = msgspec.json.decode(msgspec.json.encode(changed))
    assert {field: shown[field] for field in fields} == fields
    assert changed == await noun.show(context, row.id)
    with pytest.raises(OutdatedError):
        await noun.change(context, row.id, msgspec.convert(fields, noun.changes), row.version)
    assert [line["kind"] for line in audited.lines] == [name]
    assert len(changes) == 1


@pytest.mark.parametrize("name", [name for name, noun in NOUNS.items() if noun.delete is not None and name in CASES])
async def test_a_row_is_deleted(directory: Directory, name: str) -> None:
    noun, context = NOUNS[name], context_of(directory)
    row = await created(directory, name)
    assert noun.delete is not None
    await noun.delete(context, row.id, row.version)
    if name == "api_key":  # its row stays, so that it is refused as revoked
        assert (await noun.show(context, row.id)).deleted_at is not None
        return
    with pytest.raises(MissingRecordError):
        await noun.show(context, row.id)


@pytest.mark.parametrize("name", NOUNS)
async def test_what_is_not_there_is_missing(directory: Directory, name: str) -> None:
    noun, changes = NOUNS[name], Changes()
    context = context_of(directory, changes)
    calls = [noun.show(context, "nothing")]
    calls += [noun.change(context, "nothing", noun.changes())] if noun.change is not None and noun.changes else []
    calls += [operation(context, "nothing") for operation in (noun.delete, noun.end) if operation is not None]
    for call in calls:
        with pytest.raises(MissingRecordError, match="there is no nothing in"):
            await call
    assert changes == []


@pytest.mark.parametrize("name", ["user", "organization", "member", "workspace", "project"])
async def test_an_id_is_given_once(directory: Directory, name: str) -> None:
    await created(directory, name)
    with pytest.raises(ClashError, match="another one has this"):
        await created(directory, name)


@pytest.mark.parametrize(
    ("name", "fields", "complaint"),
    [
        ("member", {"organization": "none"}, "^organization: there is no none"),
        ("member", {"organization": ORGANIZATION, "user": "none"}, "^user: there is no none"),
        ("workspace", {"organization": "none"}, "^organization: "),
        ("project", {"organization": "none"}, "^organization: "),
        ("api_key", {"type": "user", "member": "none"}, "^member: there is no none"),
    ],
)
async def test_what_a_record_refers_to_must_be_there(
    directory: Directory, name: str, fields: dict[str, Any], complaint: str
) -> None:
    noun = NOUNS[name]
    assert noun.create is not None
    with pytest.raises(InvalidRecordError, match=complaint):
        await noun.create(context_of(directory), msgspec.convert(fields, noun.new))
