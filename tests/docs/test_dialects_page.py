"""The dialects' page says what each dialect does: its paths, its parameters, every status that it can answer."""

from __future__ import annotations

import pytest

from gateway.dialects.dialect import DialectServer
from gateway.dialects.kinds import DIALECTS, serve
from gateway.dialects.normal import Normal
from gateway.dialects.rocketchat import RocketchatSettings
from gateway.dialects.settings import Profile
from tests.support.builders.dialects import SERVED, server
from tests.support.readers import pages
from tests.support.repository import DOCS

PAGE = DOCS / "DIALECTS.md"
AS_PRODUCT = RocketchatSettings(dialect="rocketchat", credentials=("pair",), profile=Profile.PRODUCT)
SERVERS = [*map(server, SERVED), serve(AS_PRODUCT)]


@pytest.mark.parametrize("dialect", SERVERS, ids=lambda dialect: dialect.name)
def test_a_dialect_s_part_names_its_paths_parameters_and_statuses(dialect: DialectServer) -> None:
    part = pages.part(PAGE, dialect.name)
    for path in dialect.paths:
        assert path in part
        assert not [status for status in dialect.documented(path) if str(status) not in part]
    assert not [name for name in dialect.parameters if name not in part]


def test_every_dialect_has_its_part() -> None:
    assert all(pages.part(PAGE, name) for name in DIALECTS.own)


def test_the_normal_form_stands_beside_them() -> None:
    assert all(path in pages.part(PAGE, "The normal form") for path in Normal.paths)
