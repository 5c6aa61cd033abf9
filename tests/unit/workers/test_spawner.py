import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.model.errors import GatewayError
from gateway.workers.fork_server import Exited
from gateway.workers.spawner import WorkerSpawner
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.crews import FakeNursery


@pytest.fixture
async def process() -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends when its standard input does."""
    made = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    yield made
    if made.returncode is None:
        made.kill()
        await made.wait()
    made._transport.close()  # type: ignore[attr-defined]


async def closed(roster: WorkerSpawner, nursery: FakeNursery) -> None:
    roster.close()
    await nursery.end()


async def test_a_worker_is_known_by_its_id_from_its_birth_on() -> None:
    nursery: Any = FakeNursery([7, 8])
    roster = WorkerSpawner(nursery)
    members = await asyncio.gather(roster.spawn(), roster.spawn())
    assert [member.pid for member in members] == [7, 8]
    for member in members:
        await member.hang_up()
    await closed(roster, nursery)


async def test_a_worker_that_lives_can_be_killed(process: asyncio.subprocess.Process) -> None:
    nursery: Any = FakeNursery([process.pid])
    roster = WorkerSpawner(nursery)
    member = await roster.spawn()
    roster.kill(member.pid)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == -signal.SIGKILL
    roster.kill(member.pid)  # before the news of its end has come
    await member.hang_up()
    await closed(roster, nursery)


async def test_an_id_whose_worker_has_ended_is_anybody_s_and_is_let_be(
    process: asyncio.subprocess.Process, capsys: pytest.CaptureFixture[str]
) -> None:
    nursery: Any = FakeNursery([process.pid])
    roster = WorkerSpawner(nursery)
    member = await roster.spawn()
    nursery.tell(Exited(8, 0, 0))
    nursery.tell(Exited(process.pid, 0, 9))
    said = ""
    async with asyncio.timeout(PATIENCE):
        while "worker_failed" not in said:
            await asyncio.sleep(0)
            said += capsys.readouterr().out
    roster.kill(member.pid)
    assert process.stdin is not None
    process.stdin.write(b"\n")
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    assert (f"pid={process.pid}" in said, "signal=9" in said, "pid=8" in said) == (True, True, False)
    await member.hang_up()
    await closed(roster, nursery)


async def test_when_the_nursery_goes_whoever_waits_for_a_worker_is_told() -> None:
    nursery: Any = FakeNursery()
    roster = WorkerSpawner(nursery)
    nursery.tell_births = False
    hiring = asyncio.gather(roster.spawn())
    await asyncio.sleep(0)
    nursery.go()
    with pytest.raises(GatewayError, match="no worker can be made any more"):
        await hiring
    with pytest.raises(GatewayError, match="no worker can be made any more"):
        await roster.spawn()
    await closed(roster, nursery)
