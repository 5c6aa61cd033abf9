import asyncio
import sys

import pytest

from gateway.workers.event_loop import run_loop


async def which() -> int:
    return 7 if type(asyncio.get_running_loop()).__module__.startswith("uvloop") else 3


def test_uvloop_is_used_where_it_is_installed() -> None:
    assert run_loop(which()) == 7


def test_the_standard_loop_does_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run_loop(which()) == 3
