"""The foreign parts that several files meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import postgres_server
from tests.support.servers.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be stopped and started; each test makes a database of its own in it."""
    try:
        postgres_server.programs()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with postgres_server.running() as server:
        yield server
