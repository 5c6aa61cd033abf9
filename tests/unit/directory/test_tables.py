from __future__ import annotations

from gateway.directory.tables import METADATA


def test_every_reference_says_what_becomes_of_it_and_is_indexed() -> None:
    for table in METADATA.sorted_tables:
        indexed = {column.name for index in table.indexes for column in index.columns}
        indexed |= {column.name for column in list(table.primary_key.columns)[:1]}
        for key in table.foreign_keys:
            assert key.ondelete in {"CASCADE", "SET NULL"}, key
            assert key.parent.name in indexed, key
