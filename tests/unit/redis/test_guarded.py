from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.redis.client import RedisClient, connect
from gateway.redis.guarded import Allowance, GuardedRedis, RedisFault
from gateway.resilience.breaker import Breaker
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import Clock
from tests.support.servers.chaos_proxy import ChaosProxy, chaos_proxy


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[ChaosProxy]:
    address = urlsplit(redis_url)
    async with chaos_proxy(address.hostname or "", address.port or 0) as proxy:
        yield proxy


class Asking:
    """A guarded Redis behind the chaos proxy, its clock and its counters."""

    def __init__(self, proxy: ChaosProxy, timeout: float) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.tasks = TaskKeeper()
        self.calls = 0
        self.client = connect(f"redis://127.0.0.1:{proxy.port}/0", timeout)
        breaker = Breaker(self.clock, failures=2)
        self.guard = GuardedRedis(self.client, timeout, breaker, self.tasks, ResolutionMetrics(self.registry))

    async def ping(self, allowance: Allowance | None = None) -> object:
        return await self.guard.ask(self._ping, "read", allowance or self.guard.allowance())

    async def probed(self) -> None:
        """Let the pause pass, ask (which starts the probe and does not wait for it), and wait for the probe."""
        self.clock.advance(20)
        assert await self.ping() == RedisFault("breaker open")
        for task in tuple(self.tasks._tasks):
            await task

    async def _ping(self, client: RedisClient) -> object:
        self.calls += 1
        return await client.ping()


@pytest.fixture
async def asking(proxy: ChaosProxy) -> AsyncIterator[Asking]:
    asking = Asking(proxy, 0.2)
    yield asking
    await asking.tasks.aclose()
    await asking.client.aclose()


@pytest.mark.parametrize("fault", ["refuse", "blackhole", "delay"])
async def test_a_fault_is_a_value_and_soon_costs_nothing(asking: Asking, proxy: ChaosProxy, fault: str) -> None:
    setattr(proxy, fault, 5.0 if fault == "delay" else True)
    with capture_logs() as lines:
        faults = [await asking.ping() for _ in range(20)]
    assert all(isinstance(one, RedisFault) for one in faults)
    assert asking.calls == 2  # the other eighteen did not wait for anything
    assert [line["log_level"] for line in lines] == ["warning"]
    count = asking.registry.get_sample_value
    assert count("gateway_redis_faults_total", {"operation": "read"}) == 2
    assert (asking.guard.reachable, count("gateway_redis_episodes_total")) == (False, 1)


async def test_a_probe_of_its_own_finds_out_that_redis_is_back(asking: Asking, proxy: ChaosProxy) -> None:
    proxy.refuse = True
    for _ in range(2):
        await asking.ping()
    await asking.probed()
    assert asking.calls == 2
    proxy.refuse = False
    with capture_logs() as lines:
        await asking.probed()
    assert await asking.ping() is True
    assert [line["event"] for line in lines] == ["redis_recovered"]
    assert asking.guard.reachable


@pytest.mark.parametrize("strike", ["reset", "half_close"])
async def test_a_connection_that_broke_is_replaced(asking: Asking, proxy: ChaosProxy, strike: str) -> None:
    assert await asking.ping() is True
    getattr(proxy, strike)()
    await asking.ping()
    assert await asking.ping() is True


async def test_an_error_that_redis_answers_does_not_stop_other_questions(asking: Asking, key_prefix: str) -> None:
    async def wrong_type(client: RedisClient) -> object:
        await client.set(f"{key_prefix}a", b"1", px=10_000)
        return await client.zscan(f"{key_prefix}a")

    with capture_logs() as lines:
        for _ in range(5):
            assert await asking.guard.ask(wrong_type, "read", asking.guard.allowance()) == RedisFault("ResponseError")
    assert len(lines) == 1
    assert await asking.ping() is True


async def test_what_redis_refuses_again_and_again_is_told_once_though_other_questions_go_well(
    asking: Asking,
) -> None:
    """A full server answers every read and refuses every fill: one line for each look-up would flood the log."""

    async def refused(client: RedisClient) -> object:
        return await client.execute_command("NO_SUCH_COMMAND")

    async def fill() -> object:
        return await asking.guard.ask(refused, "fill", asking.guard.allowance())

    with capture_logs() as lines:
        for _ in range(10):
            assert await asking.ping() is True
            assert isinstance(await fill(), RedisFault)
        assert len(lines) == 1
        await asking.guard.ask(asking._ping, "fill", asking.guard.allowance())
        await fill()
    assert len(lines) == 2


async def test_questions_of_one_request_share_what_it_may_wait(asking: Asking, proxy: ChaosProxy) -> None:
    await asking.ping()  # connects
    proxy.delay = 0.06
    allowance = asking.guard.allowance()
    answers = [await asking.ping(allowance) for _ in range(6)]
    assert answers[0] is True
    assert isinstance(answers[-1], RedisFault)
    assert allowance.left <= 0
