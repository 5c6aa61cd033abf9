import pytest

from gateway.commands.noun_fields import JSON_FIELDS, LISTS, NOUN_OPTIONS
from gateway.directory.operations.nouns import NOUNS

MISSING = object()


@pytest.mark.parametrize("name", NOUN_OPTIONS)
def test_the_command_line_has_every_field_of_the_operations(name: str) -> None:
    options, operations = NOUN_OPTIONS[name], NOUNS[NOUN_OPTIONS[name].noun]
    assert set(options.create) == set(operations.new.__struct_fields__ if operations.new else ())
    assert set(options.change) == set(operations.changes.__struct_fields__ if operations.changes else ())
    assert set(options.wanted) == set(operations.wanted.__struct_fields__)
    assert set(options.columns) <= set(operations.row.__struct_fields__)
    assert bool(options.deleted) == (operations.delete is not None)
    assert options.ends == (operations.end is not None)


def test_every_noun_has_its_commands() -> None:
    assert {options.noun for options in NOUN_OPTIONS.values()} == set(NOUNS)
    fields = {field for options in NOUN_OPTIONS.values() for field in options.create}
    assert fields >= LISTS | JSON_FIELDS
