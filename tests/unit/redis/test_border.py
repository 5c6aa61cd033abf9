"""Whatever a client library raises is a fault of its server, and a value."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ClusterDownError, DataError, MasterDownError, RedisClusterException, ResponseError

from gateway.redis.border import RedisBorder, RedisFault, execute
from gateway.redis.client import RedisClient, connect
from tests.support.servers import redis_server
from tests.support.servers.chaos_proxy import chaos_proxy
from tests.support.servers.ports import free_port
from tests.support.servers.redis_server import PATIENCE


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(redis_url, PATIENCE)
    yield client
    await client.aclose()


@pytest.mark.parametrize(
    ("raised", "refused"),
    [
        (RedisClusterException("no node"), False),
        (ClusterDownError("CLUSTERDOWN"), False),
        (MasterDownError("MASTERDOWN"), False),
        (TypeError("an option that the connection does not take"), False),
        (ValueError("a reply that cannot be parsed"), False),
        (UnicodeError("a name that DNS does not take"), False),
        (KeyError("a fault of the library's own"), False),
        (OSError("no route"), False),
        (DataError("a value that cannot be sent"), False),
        (ResponseError("OOM command not allowed"), True),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_every_exception_is_a_fault(client: RedisClient, raised: Exception, refused: bool) -> None:
    async def operation(_: RedisClient) -> None:
        raise raised

    fault = await RedisBorder(client).attempt(operation, PATIENCE)
    assert fault == RedisFault(type(raised).__name__, refused=refused)


async def test_no_answer_in_time_is_a_fault(client: RedisClient) -> None:
    fault = await RedisBorder(client).attempt(lambda _: asyncio.Event().wait(), 0.01)
    assert fault == RedisFault("TimeoutError")


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://127.0.0.1:{port}",
        "redis://127.0.0.1:{port}/0",
        "redis+sentinel://127.0.0.1:{port}/mymaster/0",
        "redis://no-such-host.invalid:{port}/0",
        "unix:///no/such/socket?db=0",
    ],
)
async def test_a_server_that_is_not_there_is_a_fault_by_every_way_to_it(url: str) -> None:
    client = connect(url.format(port=free_port()), 1.0)
    fault = await RedisBorder(client).attempt(lambda each: each.get("a"), PATIENCE)
    assert isinstance(fault, RedisFault)
    assert not fault.refused
    await client.aclose()


@pytest.mark.processes
async def test_tls_with_a_server_that_speaks_none_is_a_fault() -> None:
    with redis_server.running(redis_server.program()) as server:
        client = connect(f"rediss://127.0.0.1:{server.port}/0", 5.0)
        fault = await RedisBorder(client).attempt(lambda each: each.get("a"), PATIENCE)
        assert isinstance(fault, RedisFault)
        await client.aclose()


@pytest.mark.processes
async def test_a_server_that_takes_no_writes_any_more_is_left_for_the_one_that_its_name_leads_to() -> None:
    """A failover behind one name: the connections that stand lead to the old master, which is a replica now."""
    with redis_server.running(redis_server.program()) as old, redis_server.running(redis_server.program()) as new:
        async with chaos_proxy("127.0.0.1", old.port) as name:
            client = connect(f"redis://127.0.0.1:{name.port}/0", PATIENCE)
            border = RedisBorder(client)
            assert await border.attempt(_write, PATIENCE) is True
            await client.execute_command("REPLICAOF", "127.0.0.1", str(new.port))
            name.lead_to("127.0.0.1", new.port)
            assert await border.attempt(_write, PATIENCE) == RedisFault("ReadOnlyError", refused=True)
            assert await border.attempt(_write, PATIENCE) is True
            await client.aclose()


async def _write(client: RedisClient) -> object:
    return await client.set("a", b"1")


async def test_a_key_of_the_wrong_type_is_deleted_and_other_errors_are_raised(
    client: RedisClient, key_prefix: str
) -> None:
    good, wrong = f"{key_prefix}good", f"{key_prefix}wrong"
    await client.set(good, b"1")
    await client.rpush(wrong, b"x")
    pipeline = client.pipeline(transaction=False)
    pipeline.get(good)
    pipeline.get(wrong)
    pipeline.pttl(wrong)
    assert await execute(pipeline, [good, wrong, wrong], client) == [b"1", None, -1]
    assert not await client.exists(wrong)
    pipeline = client.pipeline(transaction=False)
    pipeline.execute_command("INCRBY", good, "x")
    with pytest.raises(ResponseError):
        await execute(pipeline, [good], client)
