"""The page of the admin API has every operation, with its endpoint and permission."""

import re

from tests.support.builders.admin_operations import every_operation
from tests.support.readers import pages
from tests.support.repository import DOCS

PAGE = DOCS / "ADMIN.md"


def test_the_table_of_operations_is_what_is_served() -> None:
    lines = re.findall(
        r"(?m)^\| (.*) \| `(\w+) (/v1/\S+)` \| (?:`(\S+)`|everybody) \|$", pages.part(PAGE, "Operations")
    )
    shown = [(method, path, permission) for _, method, path, permission in lines]
    assert shown == [(each.method, each.path, each.permission) for each in every_operation()]
    assert [text for text, *_ in lines] == [each.summary for each in every_operation()]
