"""Fixtures that many rooms share."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator

import pytest

from tests.support import redis_server
from tests.support.serving import Examples


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a real Redis or Valkey; `GATEWAY_TEST_REDIS_URL` names one, else one is started."""
    given = os.environ.get("GATEWAY_TEST_REDIS_URL")
    if given:
        yield given
        return
    try:
        path = redis_server.program()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with redis_server.running(path) as server:
        yield server.url


@pytest.fixture
def key_prefix() -> str:
    """A prefix of this test's own, so that tests may share one server."""
    return f"t{uuid.uuid4().hex[:12]}:"


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """A directory with the documents' records, to be copied for each gateway."""
    made = Examples(tmp_path_factory.mktemp("examples"))
    asyncio.run(made.make())
    return made
