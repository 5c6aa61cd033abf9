"""Several processes on one socket: replaced when they end, renewed in turn, counted as one."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.support.clients.raw_http import raw_client
from tests.support.gateways.running import Running, is_running, load, running, until, written
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

TWO = ", workers: 2"
PATIENT = ", workers: 2, worker_timeout: 2s"


async def other_workers(gateway: Running, before: list[int]) -> list[int]:
    """Return the workers once none of those before is left, and as many others serve."""

    async def are_there() -> bool:
        now = gateway.workers()
        return len(now) == len(before) and not set(now) & set(before)

    await until(are_there)
    await gateway.until_ready()
    return gateway.workers()


async def test_rolling_restarts_under_load_lose_nothing(tmp_path: Path) -> None:
    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=TWO)) as gateway,
        load(gateway.port) as asked,
    ):
        for _ in range(5):
            before = gateway.workers()
            gateway.process.send_signal(signal.SIGUSR2)
            await other_workers(gateway, before)
            await asked.further(50)
    assert (asked.lost, set(asked.statuses)) == ([], {200})


async def test_a_worker_that_gets_sigterm_has_a_successor_and_loses_nothing(tmp_path: Path) -> None:
    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=TWO)) as gateway,
        load(gateway.port) as asked,
    ):
        before = gateway.workers()
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        await other_workers(gateway, before)
        await asked.further(50)
        assert await gateway.metric("gateway_workers_replaced_total") == 0
    assert (asked.lost, set(asked.statuses)) == ([], {200})


async def test_a_killed_worker_is_replaced_and_logged(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running(written(tmp_path, upstream.port, listen=TWO)) as gateway:
        before = gateway.workers()
        os.kill(before[0], signal.SIGKILL)
        event = await gateway.event("worker_failed")
        assert (event["pid"], event["signal"]) == (before[0], signal.SIGKILL)
        await gateway.event("worker_ended")
        await gateway.until_ready()
        assert await gateway.metric("gateway_workers_replaced_total") == 1
        assert len(set(gateway.workers()) - {before[0]}) == 2
        assert (await gateway.ask()).status == 200


async def test_a_worker_that_hangs_is_replaced_and_the_others_serve_on(tmp_path: Path) -> None:
    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=PATIENT)) as gateway,
    ):
        before = gateway.workers()
        os.kill(before[0], signal.SIGSTOP)
        async with load(gateway.port) as asked:
            event = await gateway.event("worker_hung")
            assert (event["pid"], event["seconds"]) == (before[0], 2.0)
            await gateway.event("worker_ended")
            await gateway.until_ready()
            await asked.further(50)
        assert (asked.lost, set(asked.statuses)) == ([], {200})
        assert await gateway.metric("gateway_workers_replaced_total") == 1
        after = gateway.workers()
        assert (len(after), before[0] in after, before[1] in after) == (2, False, True)


async def test_until_a_worker_that_hung_is_replaced_the_gateway_serves_and_is_not_ready(tmp_path: Path) -> None:
    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=PATIENT)) as gateway,
    ):
        os.kill(gateway.fork_server(), signal.SIGSTOP)  # no worker can be forked meanwhile
        os.kill(gateway.workers()[0], signal.SIGSTOP)
        assert (await gateway.admin("/readyz")).status == 200
        await gateway.until_ready(503)
        assert (await gateway.ask()).status == 200
        os.kill(gateway.fork_server(), signal.SIGCONT)
        await gateway.until_ready()


async def test_a_gateway_that_stood_still_as_a_whole_goes_on_with_the_same_workers(tmp_path: Path) -> None:
    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=PATIENT)) as gateway,
    ):
        before = gateway.workers()
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(0.5)  # they were asked meanwhile
        gateway.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.5)  # a suspended machine
        for pid in (gateway.process.pid, *before):
            os.kill(pid, signal.SIGCONT)
        assert {response.status for response in await asyncio.gather(*(gateway.ask() for _ in range(20)))} == {200}
        assert (await gateway.metric("gateway_workers_replaced_total"), gateway.workers()) == (0, before)


LOST = "gateway: no worker can be started any more: the process that forks them has gone\n"


async def test_without_the_process_that_forks_workers_the_gateway_says_so_drains_and_fails(tmp_path: Path) -> None:
    """The kernel may kill it for memory: workers would go one after the other, and nobody come."""
    holds, may_answer = asyncio.Event(), asyncio.Event()

    async def hold(side: UpstreamSide) -> None:
        while await side.request() is not None:
            holds.set()
            await may_answer.wait()
            await side.send(side.upstream.answer)

    async with (
        recording_upstream(hold) as upstream,
        running(written(tmp_path, upstream.port, listen=TWO), complaint=LOST) as gateway,
        raw_client(gateway.port) as client,
    ):
        await client.send(b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n")
        await holds.wait()
        os.kill(gateway.fork_server(), signal.SIGKILL)
        assert (await gateway.event("fork_server_lost"))["level"] == "error"
        await gateway.event("draining")
        assert ((await gateway.admin("/healthz")).status, (await gateway.admin("/readyz")).status) == (503, 503)
        may_answer.set()
        answer = await client.response()
        assert (answer.status, answer.one(b"connection")) == (200, b"close")
        assert await gateway.exited() == 1


async def test_health_says_whether_somebody_serves(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running(written(tmp_path, upstream.port, listen=TWO)) as gateway:
        assert (await gateway.admin("/healthz")).status == 200
        os.kill(gateway.fork_server(), signal.SIGSTOP)  # nobody can be replaced meanwhile
        for pid in gateway.workers():
            os.kill(pid, signal.SIGKILL)

        async def is_unhealthy() -> bool:
            return (await gateway.admin("/healthz")).status == 503

        await until(is_unhealthy)
        os.kill(gateway.fork_server(), signal.SIGCONT)
        await gateway.until_ready()
        assert (await gateway.admin("/healthz")).status == 200


@pytest.mark.parametrize(
    ("workers", "titles"), [(1, ["server"]), (2, ["supervisor", "fork server", "worker", "worker"])]
)
async def test_titles_tell_who_is_who(tmp_path: Path, workers: int, titles: list[str]) -> None:
    async with (
        recording_upstream() as upstream,
        running(written(tmp_path, upstream.port, listen=f", workers: {workers}")) as gateway,
    ):
        pids = [gateway.process.pid] + ([gateway.fork_server(), *gateway.workers()] if workers > 1 else [])
        shown = [Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode() for pid in pids]
        assert shown == [f"gateway: {title}" for title in titles]


async def test_metrics_are_the_sum_of_the_workers_dead_ones_too(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running(written(tmp_path, upstream.port, listen=TWO)) as gateway:

        async def counted() -> tuple[float, float, float]:
            name = "gateway_request_duration_seconds"
            return (
                await gateway.metric("gateway_requests_total", route="public"),
                await gateway.metric(f"{name}_count", route="public"),
                await gateway.metric(f"{name}_bucket", route="public", le="+Inf"),
            )

        await asyncio.gather(*(gateway.ask() for _ in range(40)))
        assert await counted() == (40, 40, 40)
        before = gateway.workers()
        gateway.process.send_signal(signal.SIGUSR2)
        await asyncio.gather(*(gateway.ask() for _ in range(10)))
        await other_workers(gateway, before)
        assert await counted() == (50, 50, 50)
        os.kill(gateway.workers()[0], signal.SIGKILL)
        await gateway.event("worker_failed")
        await gateway.until_ready()
        assert await counted() == (50, 50, 50)
        assert await gateway.metric("gateway_build_info") == 1


async def test_workers_end_with_the_supervisor(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running(written(tmp_path, upstream.port, listen=TWO)) as gateway:
        processes = gateway.workers()
        gateway.process.kill()
        await gateway.event("the end of the log")  # every process that could write to it has ended
        await until(lambda: asyncio.sleep(0, not any(is_running(pid) for pid in processes)))


async def test_as_many_workers_as_a_reload_says(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running(written(tmp_path, upstream.port, listen=TWO)) as gateway:
        written(tmp_path, upstream.port, listen=", workers: 3")
        await gateway.reload()
        await gateway.until_ready()
        assert (len(gateway.workers()), await gateway.metric("gateway_workers")) == (3, 3)
        written(tmp_path, upstream.port, listen=", workers: 2")
        await gateway.reload()
        await until(lambda: asyncio.sleep(0, len(gateway.workers()) == 2))
        await gateway.until_ready()


async def test_lines_of_several_processes_never_run_into_each_other(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, running(written(tmp_path, upstream.port, listen=TWO)) as gateway:
        path = "/public/" + "x" * 1000
        await asyncio.gather(*(gateway.ask(path) for _ in range(200)))
        await gateway.line(lambda _: sum(line.get("path") == path for line in gateway.lines) == 200)
