"""Which key a misspelt one is meant to be."""

from __future__ import annotations

import pytest

import gateway.config.settings  # noqa: F401 - its classes are what is known
from gateway.source.misspelling import meant_key


@pytest.mark.parametrize(
    ("key", "beside", "meant"),
    [
        ("authoritys", ["routes", "secret"], "authorities"),
        ("ulr", ["kind", "pepper"], "url"),
        ("peper_file", ["kind", "url"], "pepper_file"),
        ("acess", ["name", "match", "access"], ""),
        ("colour", ["name", "match"], ""),
    ],
)
def test_a_key_is_meant_that_fits_what_stands_beside_it(key: str, beside: list[str], meant: str) -> None:
    assert meant_key(key, [*beside, key]) == meant
