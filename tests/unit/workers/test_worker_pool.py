import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.model.errors import GatewayError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.merging import merge
from gateway.telemetry.runtime_metrics import RuntimeMetrics
from gateway.workers.control import Build, RecordedRevocation
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.worker_pool import WorkerPool
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.crews import FakeNursery, FakeWorker, loaded

USER = RevocationTarget(RevocationKind.USER, "user_1")


class Crew:
    """A crew over fake workers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.nursery: Any = FakeNursery()
        self.revocations = RecentRevocations(lambda: 0.0, 60.0)
        metrics = RuntimeMetrics(self.registry, lambda: 0.0)
        self.many = WorkerPool(self.nursery, (), self.revocations, metrics)

    @property
    def workers(self) -> list[FakeWorker]:
        return list(self.nursery.workers)

    async def numbers(self) -> dict[str, float]:
        merged = merge(await self.many.collect())
        return {sample.name: sample.value for family in merged for sample in family.samples}


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    made = Crew()
    yield made
    await made.many.drain(0.0)
    await made.nursery.end()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what happens between two tasks of the crew has no event
            await asyncio.sleep(0)


async def test_all_build_before_any_swaps(crew: Crew) -> None:
    await crew.many.change(loaded(2))
    assert [worker.names() for worker in crew.workers] == [["Build", "Swap"]] * 2
    assert (crew.many.serving(), crew.many.wanted()) == (2, 2)
    crew.workers[1].fault = "second.yaml:3:1: is wrong"
    with pytest.raises(GatewayError, match=r"^second\.yaml:3:1: is wrong$"):
        await crew.many.change(loaded(2, "second"))
    assert [worker.names()[2:] for worker in crew.workers] == [["Build", "Discard"]] * 2
    assert crew.many.serving() == 2


async def test_what_all_of_them_say_is_said_once(crew: Crew) -> None:
    crew.nursery.fault = "the directory has no tables"
    with pytest.raises(GatewayError, match=r"^the directory has no tables$"):
        await crew.many.change(loaded(3))
    assert crew.many.serving() == 0


async def test_one_that_ends_is_replaced_under_the_config_in_use(crew: Crew) -> None:
    await crew.many.change(loaded(2))
    await crew.many.change(loaded(2, "second"))
    crew.revocations.note(USER)
    await crew.workers[0].die()
    await until(lambda: crew.many.serving() == 2 and len(crew.workers) == 3)
    build = crew.workers[2].orders[0]
    assert isinstance(build, Build)
    assert (build.text, build.revoked) == ("second", (RecordedRevocation(USER, 0.0),))
    assert crew.registry.get_sample_value("gateway_workers_replaced_total") == 1


async def test_one_that_asks_to_leave_has_a_successor_first(crew: Crew) -> None:
    await crew.many.change(loaded(1))
    await crew.workers[0].ask_to_leave()
    await until(lambda: "Drain" in crew.workers[0].names())
    assert crew.workers[1].names() == ["Build", "Swap"]
    assert crew.many.serving() == 1
    assert crew.registry.get_sample_value("gateway_workers_replaced_total") == 0


async def test_renewal_puts_a_fresh_one_in_everybody_s_place(crew: Crew) -> None:
    await crew.many.change(loaded(2))
    before = crew.workers
    await crew.many.renew()
    assert [worker.names()[-1] for worker in before] == ["Drain", "Drain"]
    assert [worker.names() for worker in crew.workers[2:]] == [["Build", "Swap"]] * 2
    assert crew.many.serving() == 2


async def test_a_config_may_ask_for_more_and_for_fewer(crew: Crew) -> None:
    await crew.many.change(loaded(1))
    await crew.many.change(loaded(3))
    assert (crew.many.serving(), len(crew.workers)) == (3, 3)
    await crew.many.change(loaded(1))
    await until(lambda: crew.many.serving() == 1)
    assert "Drain" not in crew.workers[0].names()


async def test_what_was_counted_by_those_that_ended_stays_and_what_they_held_does_not(crew: Crew) -> None:
    await crew.many.change(loaded(2))
    crew.workers[0].count, crew.workers[1].count = 10.0, 5.0
    assert await crew.numbers() == {"requests_total": 15.0, "held": 15.0}
    await crew.many.renew()
    await until(lambda: len(crew.many._everybody()) == 2)
    assert await crew.numbers() == {"requests_total": 17.0, "held": 2.0}


async def test_a_revocation_reaches_everybody_and_is_told_when_it_does_not(crew: Crew) -> None:
    await crew.many.change(loaded(2))
    assert await crew.many.revoke(USER)
    assert [worker.names()[-1] for worker in crew.workers] == ["RevokeCommand", "RevokeCommand"]
    crew.workers[1].told = False
    assert not await crew.many.revoke(USER)


async def test_a_revocation_reaches_one_that_is_just_being_made(crew: Crew) -> None:
    await crew.many.change(loaded(1))
    crew.nursery.may_build.clear()
    renewing = asyncio.gather(crew.many.renew())
    await until(lambda: len(crew.workers) == 2 and crew.workers[1].names() == ["Build"])
    assert await crew.many.revoke(USER)
    assert crew.workers[1].names() == ["Build", "RevokeCommand"]
    crew.nursery.may_build.set()
    await renewing
    assert crew.many.serving() == 1


async def test_a_revocation_before_a_reload_s_turn_is_in_what_is_built(crew: Crew) -> None:
    await crew.many.change(loaded(1))
    crew.nursery.may_build.clear()
    renewing = asyncio.gather(crew.many.renew())
    await until(lambda: len(crew.workers) == 2 and crew.workers[1].names() == ["Build"])
    reloading = asyncio.gather(crew.many.change(loaded(1, "second")))
    await asyncio.sleep(0)  # it has begun, and waits for the renewal
    crew.revocations.note(USER)
    crew.nursery.may_build.set()
    await asyncio.gather(renewing, reloading)
    build = next(order for order in reversed(crew.workers[1].orders) if isinstance(order, Build))
    assert (build.text, build.revoked) == ("second", (RecordedRevocation(USER, 0.0),))


async def test_when_no_worker_can_be_made_any_more_it_is_said(crew: Crew) -> None:
    crew.nursery.is_gone = True
    with pytest.raises(GatewayError, match="no worker can be made any more"):
        await crew.many.change(loaded(2))


async def test_one_that_hangs_is_given_up_counted_and_replaced(crew: Crew) -> None:
    await crew.many.change(loaded(2, worker_timeout="50ms"))
    crew.workers[0].may_answer.clear()
    await asyncio.wait_for(crew.workers[0].ended.wait(), PATIENCE)
    await until(lambda: crew.many.serving() == 2)
    assert [worker.ended.is_set() for worker in crew.workers] == [True, False, False]
    assert crew.registry.get_sample_value("gateway_workers_replaced_total") == 1


async def test_a_new_one_that_cannot_serve_is_not_left_behind(crew: Crew) -> None:
    await crew.many.change(loaded(1))
    crew.nursery.fault = "the directory has gone"
    await crew.workers[0].die()
    await until(lambda: len(crew.workers) == 2)
    await asyncio.wait_for(crew.workers[1].ended.wait(), PATIENCE)
    crew.nursery.fault = ""
    await until(lambda: crew.many.serving() == 1)
    assert crew.workers[-1].names()[:2] == ["Build", "Swap"]


async def test_more_that_cannot_be_made_leave_the_others_as_they_were(crew: Crew) -> None:
    await crew.many.change(loaded(1))
    crew.nursery.fault = "second.yaml:3:1: is wrong"
    with pytest.raises(GatewayError, match=r"^second\.yaml:3:1: is wrong$"):
        await crew.many.change(loaded(2, "second"))
    await asyncio.wait_for(crew.workers[1].ended.wait(), PATIENCE)
    assert crew.workers[0].names() == ["Build", "Swap", "Build", "Discard"]
    assert (crew.many.serving(), crew.many.wanted()) == (1, 1)


async def test_in_the_end_nobody_is_replaced() -> None:
    crew = Crew()
    await crew.many.change(loaded(2))
    await crew.many.drain(0.0)
    assert [worker.names()[-1] for worker in crew.workers] == ["Drain", "Drain"]
    assert (len(crew.workers), crew.many.serving()) == (2, 0)
    await crew.nursery.end()
