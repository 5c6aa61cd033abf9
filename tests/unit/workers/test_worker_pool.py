import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.admin.fleet_hooks import FleetHooks
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.exposition import Snapshot, merge
from gateway.telemetry.metrics import WorkerGroupMetrics
from gateway.workers.control import (
    Build,
    RecordedRevocation,
    RevokeCommand,
)
from gateway.workers.worker_group import RecentRevocations
from gateway.workers.worker_pool import WorkerPool
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.fake_workers import FakeForkServer, FakeWorker, loaded

USER = RevocationTarget(RevocationKind.USER, "user_1")


class Pool:
    """A worker pool over fake workers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.fork_server: Any = FakeForkServer()
        self.revocations = RecentRevocations(lambda: 0.0, 60.0)
        metrics = WorkerGroupMetrics(self.registry, lambda: 0.0)
        self.it = WorkerPool(self.fork_server, (), self.revocations, metrics)

    @property
    def workers(self) -> list[FakeWorker]:
        return list(self.fork_server.workers)

    async def numbers(self) -> dict[str, float]:
        merged = merge(await self.it.collect())
        return {sample.name: sample.value for family in merged for sample in family.samples}


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    made = Pool()
    yield made
    await made.it.drain(0.0)
    await made.fork_server.until_all_exited()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what happens between two tasks of the pool has no event
            await asyncio.sleep(0)


async def test_all_build_before_any_swaps(pool: Pool) -> None:
    await pool.it.apply(loaded(2))
    assert [worker.names() for worker in pool.workers] == [["Build", "Swap"]] * 2
    assert (pool.it.serving(), pool.it.wanted()) == (2, 2)
    pool.workers[1].fault = "second.yaml:3:1: is wrong"
    with pytest.raises(GatewayError, match=r"^second\.yaml:3:1: is wrong$"):
        await pool.it.apply(loaded(2, "second"))
    assert [worker.names()[2:] for worker in pool.workers] == [["Build", "Discard"]] * 2
    assert pool.it.serving() == 2


async def test_a_fault_of_every_worker_is_reported_once(pool: Pool) -> None:
    pool.fork_server.fault = "the directory has no tables"
    with pytest.raises(GatewayError, match=r"^the directory has no tables$"):
        await pool.it.apply(loaded(3))
    assert pool.it.serving() == 0


async def test_a_worker_that_exits_is_replaced_on_the_current_config(pool: Pool) -> None:
    await pool.it.apply(loaded(2))
    await pool.it.apply(loaded(2, "second"))
    pool.revocations.record(USER)
    await pool.workers[0].exit()
    await until(lambda: pool.it.serving() == 2 and len(pool.workers) == 3)
    build = pool.workers[2].commands[0]
    assert isinstance(build, Build)
    assert (build.text, build.revocations) == ("second", (RecordedRevocation(USER, 0.0),))
    assert pool.registry.get_sample_value("gateway_workers_replaced_total") == 1


async def test_a_worker_that_leaves_has_a_successor_first(pool: Pool) -> None:
    await pool.it.apply(loaded(1))
    await pool.workers[0].leave()
    await until(lambda: "Drain" in pool.workers[0].names())
    assert pool.workers[1].names() == ["Build", "Swap"]
    assert pool.it.serving() == 1
    assert pool.registry.get_sample_value("gateway_workers_replaced_total") == 0


async def test_renewal_replaces_every_worker(pool: Pool) -> None:
    await pool.it.apply(loaded(2))
    before = pool.workers
    await pool.it.renew()
    assert [worker.names()[-1] for worker in before] == ["Drain", "Drain"]
    assert [worker.names() for worker in pool.workers[2:]] == [["Build", "Swap"]] * 2
    assert pool.it.serving() == 2


async def test_a_config_may_want_more_workers_and_fewer(pool: Pool) -> None:
    await pool.it.apply(loaded(1))
    await pool.it.apply(loaded(3))
    assert (pool.it.serving(), len(pool.workers)) == (3, 3)
    await pool.it.apply(loaded(1))
    await until(lambda: pool.it.serving() == 1)
    assert "Drain" not in pool.workers[0].names()


async def test_counters_of_exited_workers_stay_and_their_gauges_do_not(pool: Pool) -> None:
    await pool.it.apply(loaded(2))
    pool.workers[0].count, pool.workers[1].count = 10.0, 5.0
    assert await pool.numbers() == {"requests_total": 15.0, "held": 15.0}
    await pool.it.renew()
    await until(lambda: len(pool.it._all()) == 2)
    assert await pool.numbers() == {"requests_total": 17.0, "held": 2.0}


async def test_a_revocation_reaches_every_worker_and_is_incomplete_when_one_fails(pool: Pool) -> None:
    await pool.it.apply(loaded(2))
    assert await pool.it.revoke(USER)
    assert [worker.names()[-1] for worker in pool.workers] == ["RevokeCommand", "RevokeCommand"]
    pool.workers[1].complete = False
    assert not await pool.it.revoke(USER)


async def test_a_change_of_a_row_reaches_every_worker(pool: Pool) -> None:
    await pool.it.apply(loaded(2))
    assert await pool.it.change(USER)
    assert [worker.names()[-1] for worker in pool.workers] == ["ChangeCommand", "ChangeCommand"]
    pool.workers[1].complete = False
    assert not await pool.it.change(USER)


async def test_a_worker_asks_for_the_whole_fleet(pool: Pool) -> None:
    revoked = []

    async def revoke(target: RevocationTarget) -> bool:
        revoked.append(target)
        return True

    async def recorded() -> tuple[RecordedRevocation, ...]:
        return ()

    async def collect() -> Snapshot:
        return ()

    await pool.it.apply(loaded(1))
    (worker,) = pool.workers
    pool.it.attach(FleetHooks(revoke, revoke, recorded, collect))
    assert (await worker.ask(RevokeCommand(USER))).complete
    assert revoked == [USER]


async def test_a_revocation_reaches_a_worker_that_is_starting(pool: Pool) -> None:
    await pool.it.apply(loaded(1))
    pool.fork_server.may_build.clear()
    renewing = asyncio.gather(pool.it.renew())
    await until(lambda: len(pool.workers) == 2 and pool.workers[1].names() == ["Build"])
    assert await pool.it.revoke(USER)
    assert pool.workers[1].names() == ["Build", "RevokeCommand"]
    pool.fork_server.may_build.set()
    await renewing
    assert pool.it.serving() == 1


async def test_a_revocation_while_a_reload_waits_is_in_what_it_builds(pool: Pool) -> None:
    await pool.it.apply(loaded(1))
    pool.fork_server.may_build.clear()
    renewing = asyncio.gather(pool.it.renew())
    await until(lambda: len(pool.workers) == 2 and pool.workers[1].names() == ["Build"])
    reloading = asyncio.gather(pool.it.apply(loaded(1, "second")))
    await asyncio.sleep(0)  # it has begun, and waits for the renewal
    pool.revocations.record(USER)
    pool.fork_server.may_build.set()
    await asyncio.gather(renewing, reloading)
    build = next(command for command in reversed(pool.workers[1].commands) if isinstance(command, Build))
    assert (build.text, build.revocations) == ("second", (RecordedRevocation(USER, 0.0),))


async def test_without_a_fork_server_no_config_is_applied(pool: Pool) -> None:
    pool.fork_server.is_gone = True
    with pytest.raises(GatewayError, match="no worker can be started any more"):
        await pool.it.apply(loaded(2))


@pytest.mark.slow
async def test_a_worker_that_hangs_is_killed_counted_and_replaced(pool: Pool) -> None:
    await pool.it.apply(loaded(2, worker_timeout="50ms"))
    pool.workers[0].may_reply.clear()
    await asyncio.wait_for(pool.workers[0].exited.wait(), PATIENCE)
    await until(lambda: pool.it.serving() == 2)
    assert [worker.exited.is_set() for worker in pool.workers] == [True, False, False]
    assert pool.registry.get_sample_value("gateway_workers_replaced_total") == 1


async def test_a_new_worker_that_cannot_serve_is_not_left_behind(pool: Pool) -> None:
    await pool.it.apply(loaded(1))
    pool.fork_server.fault = "the directory has gone"
    await pool.workers[0].exit()
    await until(lambda: len(pool.workers) == 2)
    await asyncio.wait_for(pool.workers[1].exited.wait(), PATIENCE)
    pool.fork_server.fault = ""
    await until(lambda: pool.it.serving() == 1)
    assert pool.workers[-1].names()[:2] == ["Build", "Swap"]


async def test_workers_that_cannot_be_added_leave_the_others_as_they_were(pool: Pool) -> None:
    await pool.it.apply(loaded(1))
    pool.fork_server.fault = "second.yaml:3:1: is wrong"
    with pytest.raises(GatewayError, match=r"^second\.yaml:3:1: is wrong$"):
        await pool.it.apply(loaded(2, "second"))
    await asyncio.wait_for(pool.workers[1].exited.wait(), PATIENCE)
    assert pool.workers[0].names() == ["Build", "Swap", "Build", "Discard"]
    assert (pool.it.serving(), pool.it.wanted()) == (1, 1)


async def test_a_draining_pool_replaces_nobody() -> None:
    pool = Pool()
    await pool.it.apply(loaded(2))
    await pool.it.drain(0.0)
    assert [worker.names()[-1] for worker in pool.workers] == ["Drain", "Drain"]
    assert (len(pool.workers), pool.it.serving()) == (2, 0)
    await pool.fork_server.until_all_exited()
