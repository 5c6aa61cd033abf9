from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from gateway.redis.client import RedisClient, bus_connection, connect
from tests.support.servers import redis_server
from tests.support.servers.chaos_proxy import chaos_proxy
from tests.support.servers.redis_server import PATIENCE


def test_a_url_that_is_none_is_refused_without_repeating_it() -> None:
    for url in ("http://user:hunter2@host", "redis+wrong://user:hunter2@host", "redis+sentinel://user:hunter2@host"):
        with pytest.raises(ValueError, match=r"Redis|Sentinel") as raised:
            connect(url, 0.05)
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("protocol", ["2", "3"])
async def test_both_protocols_are_spoken(redis_url: str, key_prefix: str, protocol: str) -> None:
    client = connect(f"{redis_url}?protocol={protocol}", PATIENCE)
    await client.set(f"{key_prefix}a", b"1", px=1000)
    assert await client.get(f"{key_prefix}a") == b"1"
    await client.aclose()


async def test_sentinel_urls_name_the_master_its_database_and_who_asks() -> None:
    client = connect("rediss+sentinel://ada:pw@one.example:26380,two.example/mymaster/3", 0.05)
    pool = client.connection_pool
    assert pool.service_name == "mymaster"
    sentinels = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"]) for one in sentinels] == [("one.example", 26380), ("two.example", 26379)]
    options = pool.connection_kwargs
    assert (options["username"], options["password"], options["db"]) == ("ada", "pw", 3)
    connection = pool.make_connection()
    assert connection.ssl_context.get().verify_mode is ssl.CERT_REQUIRED


async def test_cluster_urls_make_cluster_clients() -> None:
    client = connect("redis+cluster://ada:pw@node.example:7000", 0.05)
    assert isinstance(client, RedisCluster)
    await client.aclose()


async def test_a_refused_connection_fails_at_once_and_is_not_tried_ten_times(redis_url: str) -> None:
    host, port = _address(redis_url)
    async with chaos_proxy(host, port) as proxy:
        proxy.refuse = True
        client = connect(f"redis://127.0.0.1:{proxy.port}/0", 0.05)
        async with asyncio.timeout(2):  # redis-py's ten retries take more than four seconds
            with pytest.raises((RedisError, OSError)):
                await client.get("a")
        await client.aclose()


async def test_a_cancelled_command_never_hands_its_reply_to_the_next_caller(redis_url: str, key_prefix: str) -> None:
    """What CVE-2023-28858 and 28859 did: the next user of the connection read the answer meant for another."""
    host, port = _address(redis_url)
    async with chaos_proxy(host, port) as proxy:
        client = connect(f"redis://127.0.0.1:{proxy.port}/0", 5.0)
        for name in ("mine", "yours"):
            await client.set(f"{key_prefix}{name}", name)
        for _ in range(20):
            proxy.delay = 0.05
            asking = asyncio.gather(client.get(f"{key_prefix}mine"))
            await asyncio.sleep(0.01)  # the command is on its way, the reply is held back
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            proxy.delay = 0.0
            assert await client.get(f"{key_prefix}yours") == b"yours"
        await client.aclose()


async def test_the_bus_has_a_connection_of_its_own(redis_url: str, key_prefix: str) -> None:
    client = connect(f"{redis_url}?protocol=3", PATIENCE)
    connection = await bus_connection(client)
    await connection.connect()
    await connection.send_command("SUBSCRIBE", key_prefix)
    assert await connection.read_response() == [b"subscribe", key_prefix.encode(), 1]
    assert await _published(client, key_prefix) == 1
    assert await connection.read_response() == [b"message", key_prefix.encode(), b"news"]
    await connection.disconnect()
    await client.aclose()


@pytest.fixture
def server() -> Iterator[redis_server.RedisServer]:
    with redis_server.running(redis_server.program()) as server:
        yield server


@pytest.mark.processes
async def test_a_sentinel_leads_to_the_master(server: redis_server.RedisServer, tmp_path: Path) -> None:
    with redis_server.running_sentinel(redis_server.program(), server, tmp_path) as sentinel:
        await _works(connect(sentinel.url, PATIENCE))


@pytest.mark.processes
async def test_whoever_asks_a_busy_master_waits_for_a_free_connection(
    server: redis_server.RedisServer, tmp_path: Path
) -> None:
    with redis_server.running_sentinel(redis_server.program(), server, tmp_path) as sentinel:
        client = connect(sentinel.url, PATIENCE)
        await asyncio.gather(*(client.set(f"k{number}", b"1", px=10_000) for number in range(500)))
        assert await client.dbsize() >= 500  # and what another test left a moment ago
        assert int((await client.info("clients"))["connected_clients"]) < 100
        await client.aclose()


@pytest.mark.processes
async def test_a_cluster_is_found_through_any_node(tmp_path: Path) -> None:
    with redis_server.running_cluster(redis_server.program(), tmp_path) as node:
        await _works(connect(node.url, PATIENCE))


@pytest.mark.processes
async def test_whoever_asks_a_busy_cluster_waits_for_a_free_connection(tmp_path: Path) -> None:
    async def both(client: RedisClient, number: int) -> list[object]:
        pipeline = client.pipeline(transaction=False)
        pipeline.set(f"k{number}", b"1", px=10_000)
        pipeline.get(f"k{number}")
        return [await client.set(f"k{number}", b"1", px=10_000), *await pipeline.execute()]

    with redis_server.running_cluster(redis_server.program(), tmp_path) as node:
        client = connect(node.url, PATIENCE)
        await client.ping()
        assert await asyncio.gather(*(both(client, number) for number in range(500))) == [[True, True, b"1"]] * 500
        assert int((await client.info("clients"))["connected_clients"]) < 100
        await client.aclose()


@pytest.mark.processes
async def test_a_cluster_that_stays_busy_is_waited_for_no_longer_than_the_timeout(tmp_path: Path) -> None:
    with redis_server.running_cluster(redis_server.program(), tmp_path) as node:
        client = connect(f"{node.url}?socket_timeout=30", 2.0)  # a reply may take longer than a free connection
        async with busy(client, 64, node.port):
            asking = (client.get("a"), client.pipeline(transaction=False).get("a").execute())
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert [(type(answer), str(answer)) for answer in answers] == [
                (RedisConnectionError, "no free connection to the cluster")
            ] * 2
        assert await client.get("a") is None
        await client.aclose()


@pytest.mark.processes
async def test_a_pipeline_whose_slots_have_moved_needs_no_second_turn(tmp_path: Path) -> None:
    with redis_server.running_cluster(redis_server.program(), tmp_path, nodes=2) as node:
        client = connect(node.url, PATIENCE)
        await client.ping()
        async with busy(client, 63, client.get_node_from_key("list").port):
            slots = client.nodes_manager.slots_cache
            here, there = slots[0], slots[16383]
            for slot, nodes in list(slots.items()):  # as if each had been moved since the client looked
                slots[slot] = there if nodes[0] is here[0] else here
            assert await client.pipeline(transaction=False).set("a", b"1").set("b", b"2").execute() == [True, True]
        await client.aclose()


@asynccontextmanager
async def busy(client: RedisClient, connections: int, port: int) -> AsyncIterator[None]:
    """Keep that many connections to the server of the key `list` waiting."""
    blocked = asyncio.gather(*(client.execute_command("BLPOP", "list", 0) for _ in range(connections)))
    line = b"blocked_clients:%d\r\n" % connections
    while line not in redis_server.command(port, "INFO clients"):
        assert not blocked.done()
        await asyncio.sleep(0.001)
    yield
    redis_server.command(port, "RPUSH list" + " x" * connections)
    assert await blocked == [(b"list", b"x")] * connections


@pytest.mark.processes
async def test_tls_is_spoken_and_a_foreign_certificate_refused(
    server: redis_server.RedisServer, tmp_path: Path
) -> None:
    ours, foreign = trustme.CA(), trustme.CA()
    for name, authority in (("ours.pem", ours), ("foreign.pem", foreign)):
        authority.cert_pem.write_to_path(str(tmp_path / name))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.issue_cert("127.0.0.1").configure_cert(context)
    async with chaos_proxy(server.host, server.port, context) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        await _works(connect(f"{url}?ssl_ca_certs={tmp_path / 'ours.pem'}", PATIENCE))
        suspicious = connect(f"{url}?ssl_ca_certs={tmp_path / 'foreign.pem'}", PATIENCE)
        with pytest.raises((RedisError, OSError)):
            await suspicious.get("a")
        await suspicious.aclose()


async def _works(client: RedisClient) -> None:
    """Write, read and hear with this client."""
    await client.set("a", b"1", px=10_000)
    assert await client.get("a") == b"1"
    connection = await bus_connection(client)
    await connection.connect()
    await connection.send_command("SUBSCRIBE", "news")
    await connection.read_response()
    await client.publish("news", b"news")
    assert await connection.read_response() == [b"message", b"news", b"news"]
    await connection.disconnect()
    await client.aclose()


async def _published(client: RedisClient, channel: str) -> int:
    return int(await client.publish(channel, b"news"))


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
    return host, int(port)


@pytest.mark.processes
async def test_a_socket_file_is_spoken_to(tmp_path: Path) -> None:
    with redis_server.running(redis_server.program(), "--unixsocket", str(tmp_path / "redis.sock")):
        client = connect(f"unix://{tmp_path}/redis.sock?db=1", PATIENCE)
        assert await client.ping()
        await client.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:part/of@host/0",
        "redis://:pw-part@host:port/0",
        "redis://:pw-part@host/0?no_such_option=pw-part",
        "redis+sentinel://:pw-part@host/mymaster/0?no_such_option=1",
        "redis+cluster://:pw-part@host?no_such_option=1",
        "unix:///redis.sock?socket_keepalive=pw-part",
    ],
)
def test_an_option_that_no_connection_takes_is_refused_at_once_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="Redis URL") as raised:
        connect(url, 0.05)
    assert "part" not in str(raised.value)
