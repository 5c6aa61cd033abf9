"""Fixtures that many rooms share."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest

from tests.support import process_guard
from tests.support.gateways.serving import Examples, unconfigure_logging
from tests.support.servers import redis_server
from tests.support.servers.ports import free_port

# How long an example takes, or to think of one, says how busy the machine is. The same examples each time: what was
# green stays green, and `make fuzz` looks for others.
hypothesis.settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("few", hypothesis.settings.get_profile("same"), max_examples=20)
hypothesis.settings.register_profile(
    "random", hypothesis.settings.get_profile("same"), derandomize=False, print_blob=True
)
hypothesis.settings.load_profile("same")


def pytest_configure() -> None:
    """Let whatever a test starts hear SIGINT: a script's background ignores it, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than cores (`-n auto`), since many tests wait; as many (`-n logical`) for those that do not.

    A container often sees more cores than it may use.
    """
    waiting = config.option.numprocesses == "auto"
    return min(4, (os.cpu_count() or 1) + waiting)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes by the fixtures that it uses."""
    process_guard.mark(items)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let what a test showed or logged be text on its way from the process that ran it: many send bytes that are none.

    A lone surrogate in it would be an internal error of the whole run.
    """
    return _text((yield))


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_text(key): _text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_text, value))
    return value


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Let each test find the log as pytest has it, whatever program ran before in the same process."""
    yield
    unconfigure_logging()


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
def unused_tcp_port() -> int:
    """A port where nobody listens; pytest-asyncio's may be anybody's by the time that it is used."""
    return free_port()


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
