from __future__ import annotations

import pytest

from gateway.directory.postgres_connection import statement_names


@pytest.mark.parametrize(("arguments", "is_pooled"), [({}, True), ({"statement_cache_size": 0}, False)])
def test_behind_a_pooler_and_where_it_is_asked_for_no_statement_has_a_name(
    arguments: dict[str, int], *, is_pooled: bool
) -> None:
    told = statement_names(arguments, is_pooled=is_pooled)
    assert (told["prepared_statement_cache_size"], told["prepared_statement_name_func"]()) == (0, "")


def test_else_each_has_a_name_of_its_own() -> None:
    name = statement_names({}, is_pooled=False)["prepared_statement_name_func"]
    assert len({name(), name(), name()} - {""}) == 3
