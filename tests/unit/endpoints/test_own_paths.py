from __future__ import annotations

import pytest

from gateway.endpoints.own_paths import DEVICES, DOCUMENT, OWN
from gateway.model.target import parse_target


@pytest.mark.parametrize("path", [DEVICES, DOCUMENT])
def test_an_own_path_is_canonical_and_beneath_where_no_route_is_looked_for(path: str) -> None:
    assert parse_target(path).path == path
    assert path.startswith(OWN)
