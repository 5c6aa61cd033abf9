from __future__ import annotations

import pytest

from gateway.model.route import HealthCheck, UpstreamAddress
from gateway.resilience.tasks import TaskKeeper
from gateway.upstream.connector import Connector
from gateway.upstream.health_checks import HealthChecks
from gateway.upstream.name_resolution import ResolvedAddresses

UP, DOWN = True, False


@pytest.mark.parametrize(
    ("answers", "failing"),
    [
        ([], False),
        ([DOWN, DOWN], False),
        ([DOWN, DOWN, DOWN], True),
        ([DOWN, DOWN, UP, DOWN, DOWN], False),
        ([DOWN, DOWN, DOWN, UP], True),
        ([DOWN, DOWN, DOWN, UP, DOWN, UP], True),
        ([DOWN, DOWN, DOWN, UP, UP], False),
        ([DOWN, DOWN, DOWN, UP, UP, DOWN, DOWN], False),
    ],
)
async def test_a_row_of_answers_changes_what_is_said(answers: list[bool], failing: bool) -> None:
    address = UpstreamAddress("http", "127.0.0.1", 1)
    connector = Connector(address, ResolvedAddresses("127.0.0.1", 1, 1.0, TaskKeeper()), 1000)
    checks = HealthChecks(connector, HealthCheck("/up", failures=3, successes=2), "http://127.0.0.1:1", "h")
    for answer in answers:
        checks._note(answer)
    assert checks.failing is failing
