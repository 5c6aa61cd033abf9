from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.resilience.tasks import TaskKeeper
from gateway.upstream.name_resolution import ResolvedAddresses, resolve_name


@pytest.fixture
async def tasks() -> AsyncIterator[TaskKeeper]:
    keeper = TaskKeeper()
    yield keeper
    await keeper.aclose()


class FakeResolver:
    """Answers with `answers` in turn; an empty answer is a failure."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        await asyncio.sleep(0)
        found = self.answers.pop(0)
        if not found:
            raise OSError("no such name")
        return found


@pytest.mark.parametrize("literal", ["192.0.2.7", "::1"])
async def test_an_address_is_not_looked_up(tasks: TaskKeeper, literal: str) -> None:
    assert await ResolvedAddresses(literal, 80, 0.0, tasks, FakeResolver()).next() == literal


async def test_addresses_are_used_in_turn(tasks: TaskKeeper) -> None:
    resolver = FakeResolver(["a", "b"])
    addresses = ResolvedAddresses("up", 80, 60.0, tasks, resolver)
    assert sorted([await addresses.next(), await addresses.next()]) == ["a", "b"]
    assert resolver.asked == 1


async def test_callers_share_a_look_up(tasks: TaskKeeper) -> None:
    resolver = FakeResolver(["a"])
    addresses = ResolvedAddresses("up", 80, 60.0, tasks, resolver)
    assert await asyncio.gather(*(addresses.next() for _ in range(5))) == ["a"] * 5
    assert resolver.asked == 1


async def test_a_name_is_asked_again_after_its_time_and_old_addresses_serve_meanwhile(tasks: TaskKeeper) -> None:
    addresses = ResolvedAddresses("up", 80, 0.0, tasks, FakeResolver(["a"], ["b"], ["b"], ["b"]))
    assert await addresses.next() == "a"
    assert await addresses.next() == "a"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await addresses.next() == "b"


async def test_a_resolver_that_fails_does_not_take_known_addresses_away(tasks: TaskKeeper) -> None:
    addresses = ResolvedAddresses("up", 80, 0.0, tasks, FakeResolver(["a"], [], [], []))
    for _ in range(3):
        assert await addresses.next() == "a"
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_a_name_that_never_resolved_is_a_fault(tasks: TaskKeeper) -> None:
    with pytest.raises(ExchangeError) as failed:
        await ResolvedAddresses("up", 80, 60.0, tasks, FakeResolver([])).next()
    assert failed.value.fault is Fault.NAME


async def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in await resolve_name("localhost", 80)
