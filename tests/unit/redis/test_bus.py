from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from gateway.redis.bus import Bus
from gateway.redis.client import RedisClient, connect
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.servers.chaos_proxy import ChaosProxy, chaos_proxy
from tests.support.servers.redis_server import PATIENCE


class Listener:
    """What a bus told, in order."""

    def __init__(self, client: RedisClient, channel: str) -> None:
        self.calls: asyncio.Queue[object] = asyncio.Queue()
        self.registry = CollectorRegistry()
        self.bus = Bus(
            client,
            channel,
            self.calls.put_nowait,
            lambda: self.calls.put_nowait("lost"),
            lambda: self.calls.put_nowait("subscribed"),
            ResolutionMetrics(self.registry),
        )


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[ChaosProxy]:
    address = urlsplit(redis_url)
    async with chaos_proxy(address.hostname or "", address.port or 0) as proxy:
        yield proxy


@pytest.fixture
async def direct(redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(redis_url, PATIENCE)
    yield client
    await client.aclose()


@pytest.fixture
async def listener(proxy: ChaosProxy, key_prefix: str) -> AsyncIterator[Listener]:
    client = connect(f"redis://127.0.0.1:{proxy.port}/0", 0.2)
    listener = Listener(client, f"{key_prefix}news")
    tasks = TaskKeeper()
    tasks.start(listener.bus.listen(), "bus")
    assert await listener.calls.get() == "subscribed"
    yield listener
    await tasks.aclose()
    await client.aclose()


async def test_it_hears_what_is_published(listener: Listener, direct: RedisClient, key_prefix: str) -> None:
    for payload in (b"one", b"two"):
        await direct.publish(f"{key_prefix}news", payload)
    assert [await listener.calls.get(), await listener.calls.get()] == [b"one", b"two"]
    assert listener.bus.subscribed.is_set()


@pytest.mark.parametrize("strike", ["reset", "half_close"])
async def test_a_broken_connection_is_told_and_replaced(
    listener: Listener, proxy: ChaosProxy, direct: RedisClient, key_prefix: str, strike: str
) -> None:
    getattr(proxy, strike)()
    assert [await listener.calls.get(), await listener.calls.get()] == ["lost", "subscribed"]
    await direct.publish(f"{key_prefix}news", b"again")
    assert await listener.calls.get() == b"again"


async def test_silence_is_noticed_within_about_a_second(listener: Listener, proxy: ChaosProxy) -> None:
    """No FIN, no RST: a cable is pulled. Only the unanswered PING shows it."""
    proxy.blackhole = True
    async with asyncio.timeout(5):  # a bound for the test; what is promised is about a second
        assert await listener.calls.get() == "lost"
    assert not listener.bus.subscribed.is_set()
    proxy.blackhole = False
    assert await listener.calls.get() == "subscribed"
    assert listener.registry.get_sample_value("gateway_revocation_bus_losses_total") == 1


async def test_nothing_is_heard_before_the_server_confirms(proxy: ChaosProxy, key_prefix: str) -> None:
    proxy.blackhole = True
    client = connect(f"redis://127.0.0.1:{proxy.port}/0", 0.1)
    listener = Listener(client, f"{key_prefix}news")
    tasks = TaskKeeper()
    tasks.start(listener.bus.listen(), "bus")
    await asyncio.sleep(0.3)
    assert listener.calls.empty()
    proxy.blackhole = False
    assert await listener.calls.get() == "subscribed"
    await tasks.aclose()
    await client.aclose()


async def test_a_quiet_bus_is_not_taken_for_a_lost_one(listener: Listener) -> None:
    await asyncio.sleep(1.2)  # longer than the silence that counts as a loss; the PINGs are answered
    assert listener.calls.empty()
