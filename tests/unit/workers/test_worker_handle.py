import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.config.load import ConfigText
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.workers.control import Build, RecordedRevocation
from gateway.workers.fork_server import Exited
from gateway.workers.worker_group import RecentRevocations
from gateway.workers.worker_handle import WorkerSpawner
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.fake_workers import FakeForkServer, HandledWorker, counted

USER = RevocationTarget(RevocationKind.USER, "user_1")
CONFIG = ConfigText("gateway.yaml", "text")
NO_REVOCATIONS = RecentRevocations(lambda: 1.0, 60.0)
BRIEF = 0.05


@pytest.fixture
async def handled() -> AsyncIterator[HandledWorker]:
    made = HandledWorker()
    await made.open()
    yield made
    await made.close()


async def test_a_worker_serves_from_its_first_swap_on(handled: HandledWorker) -> None:
    revocations = RecentRevocations(lambda: 1.0, 60.0)
    revocations.record(USER)
    await handled.handle.build(CONFIG, revocations)
    assert not handled.handle.serving
    await handled.handle.swap()
    assert handled.handle.serving
    assert handled.worker.commands[0] == Build("gateway.yaml", "text", (RecordedRevocation(USER, 1.0),))


async def test_a_worker_s_fault_is_raised(handled: HandledWorker) -> None:
    handled.worker.fault = "gateway.yaml:1:1: is wrong"
    with pytest.raises(GatewayError, match=r"^gateway\.yaml:1:1: is wrong$"):
        await handled.handle.build(CONFIG, NO_REVOCATIONS)


async def test_the_last_metrics_of_an_exited_worker_stay(handled: HandledWorker) -> None:
    await handled.handle.build(CONFIG, NO_REVOCATIONS)
    await handled.handle.swap()
    handled.worker.count = 3.0
    assert await handled.handle.collect() == counted(3.0)
    await handled.worker.exit()
    await handled.listening
    assert not handled.handle.serving
    assert await handled.handle.collect() == counted(3.0)


async def test_an_exited_worker_cannot_build_and_counts_as_revoked(handled: HandledWorker) -> None:
    await handled.worker.exit()
    await handled.listening
    assert await handled.handle.revoke(USER)
    await handled.handle.discard()
    with pytest.raises(GatewayError, match="has exited"):
        await handled.handle.build(CONFIG, NO_REVOCATIONS)


@pytest.mark.parametrize("complete", [True, False])
async def test_whether_a_revocation_is_complete_is_the_worker_s_word(handled: HandledWorker, complete: bool) -> None:
    handled.worker.complete = complete
    assert await handled.handle.revoke(USER) is complete


async def test_draining_takes_the_last_metrics_and_closes_the_channel(handled: HandledWorker) -> None:
    await handled.handle.build(CONFIG, NO_REVOCATIONS)
    await handled.handle.swap()
    handled.worker.count = 9.0
    assert await handled.handle.drain(1.0)
    assert (handled.handle.serving, handled.handle.snapshot) == (False, counted(9.0))
    await asyncio.wait_for(handled.listening, PATIENCE)


async def test_a_worker_that_exits_while_it_drains_has_not_replied(handled: HandledWorker) -> None:
    handled.worker.may_reply.clear()
    draining = asyncio.gather(handled.handle.drain(600.0))
    await asyncio.sleep(0)
    await handled.worker.exit()
    assert await draining == [False]


async def test_a_ping_ends_when_the_worker_replies_and_when_it_has_exited(handled: HandledWorker) -> None:
    await asyncio.wait_for(handled.handle._replies_within(600.0), PATIENCE)
    handled.worker.may_reply.clear()
    asking = asyncio.gather(handled.handle._replies_within(600.0))
    await asyncio.sleep(0)
    assert not asking.done()
    await handled.worker.exit()
    await asyncio.wait_for(asking, PATIENCE)


async def test_a_closed_handle_waits_for_the_worker_no_more(handled: HandledWorker) -> None:
    handled.worker.may_reply.clear()
    await handled.handle.close()
    await asyncio.wait_for(handled.listening, PATIENCE)
    assert not handled.handle.serving


@pytest.fixture
async def serving(handled: HandledWorker) -> HandledWorker:
    await handled.handle.swap()
    return handled


def watch(handled: HandledWorker, limit: Callable[[], float] = lambda: BRIEF) -> asyncio.Task[None]:
    return handled.tasks.start(handled.handle.wait_until_hung(limit), "watching")


async def test_a_worker_that_replies_is_pinged_again_and_again(serving: HandledWorker) -> None:
    watching = watch(serving)
    await serving.worker.received("Ping", 3)
    assert not watching.done()


async def test_a_worker_that_does_not_reply_in_time_is_hung(serving: HandledWorker) -> None:
    serving.worker.may_reply.clear()
    await asyncio.wait_for(watch(serving), PATIENCE)
    assert serving.worker.names() == ["Swap", "Ping"]


async def test_when_everything_stood_still_the_worker_has_time_left_to_reply(serving: HandledWorker) -> None:
    serving.worker.may_reply.clear()
    watching = watch(serving)
    await serving.worker.received("Ping", 1)
    time.sleep(4 * BRIEF)  # noqa: ASYNC251 - the whole machine stands still: supervisor and worker are on this loop
    serving.worker.may_reply.set()
    await serving.worker.received("Ping", 3)
    assert not watching.done()


async def test_a_draining_worker_is_not_hung(serving: HandledWorker) -> None:
    watching = watch(serving)
    await serving.worker.received("Ping", 1)
    serving.worker.may_reply.clear()
    await serving.worker.received("Ping", 2)
    draining = asyncio.gather(serving.handle.drain(600.0))
    await asyncio.wait({watching}, timeout=4 * BRIEF)
    assert not watching.done()
    await serving.worker.exit()
    await draining


@pytest.mark.slow
async def test_without_a_limit_no_worker_is_pinged_until_there_is_one(serving: HandledWorker) -> None:
    times = iter([0.0])
    watch(serving, lambda: next(times, BRIEF))
    await asyncio.sleep(4 * BRIEF)
    assert serving.worker.names() == ["Swap"]
    await serving.worker.received("Ping", 2)


@pytest.fixture
async def child_process() -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends when its standard input does."""
    made = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    yield made
    if made.returncode is None:
        made.kill()
        await made.wait()
    made._transport.close()  # type: ignore[attr-defined]


async def closed(spawner: WorkerSpawner, fork_server: FakeForkServer) -> None:
    spawner.close()
    await fork_server.until_all_exited()


async def test_workers_have_the_ids_of_their_forks_in_order() -> None:
    fork_server: Any = FakeForkServer([7, 8])
    spawner = WorkerSpawner(fork_server)
    workers = await asyncio.gather(spawner.spawn(), spawner.spawn())
    assert [worker.pid for worker in workers] == [7, 8]
    for worker in workers:
        await worker.close()
    await closed(spawner, fork_server)


async def test_a_worker_that_lives_can_be_killed(child_process: asyncio.subprocess.Process) -> None:
    fork_server: Any = FakeForkServer([child_process.pid])
    spawner = WorkerSpawner(fork_server)
    worker = await spawner.spawn()
    spawner.kill(worker.pid)
    assert await asyncio.wait_for(child_process.wait(), PATIENCE) == -signal.SIGKILL
    spawner.kill(worker.pid)  # before the event of its exit has come
    await worker.close()
    await closed(spawner, fork_server)


async def test_the_id_of_an_exited_worker_is_not_killed(
    child_process: asyncio.subprocess.Process, capsys: pytest.CaptureFixture[str]
) -> None:
    fork_server: Any = FakeForkServer([child_process.pid])
    spawner = WorkerSpawner(fork_server)
    worker = await spawner.spawn()
    fork_server.send(Exited(8, 0, 0))
    fork_server.send(Exited(child_process.pid, 0, 9))
    output = ""
    async with asyncio.timeout(PATIENCE):
        while "worker_failed" not in output:
            await asyncio.sleep(0)
            output += capsys.readouterr().out
    spawner.kill(worker.pid)
    assert child_process.stdin is not None
    child_process.stdin.write(b"\n")
    assert await asyncio.wait_for(child_process.wait(), PATIENCE) == 0
    assert (f"pid={child_process.pid}" in output, "signal=9" in output, "pid=8 " in output) == (True, True, False)
    await worker.close()
    await closed(spawner, fork_server)


async def test_without_a_fork_server_a_pending_spawn_fails_and_so_does_the_next() -> None:
    fork_server: Any = FakeForkServer()
    spawner = WorkerSpawner(fork_server)
    fork_server.sends_forked = False
    spawning = asyncio.gather(spawner.spawn())
    await asyncio.sleep(0)
    fork_server.die()
    with pytest.raises(GatewayError, match="no worker can be started any more"):
        await spawning
    assert spawner.lost.is_set()
    with pytest.raises(GatewayError, match="no worker can be started any more"):
        await spawner.spawn()
    await closed(spawner, fork_server)
