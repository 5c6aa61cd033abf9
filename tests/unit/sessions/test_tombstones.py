from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import msgspec
import pytest
from redis.exceptions import OutOfMemoryError

from gateway.model.errors import UNDECODABLE
from gateway.redis.client import RedisClient, connect
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, RevocationStatus
from gateway.sessions.tombstones import Tombstones, decode_message
from tests.support.fakes.sessions import SIGNATURE, found, revoke, wall
from tests.support.servers import redis_server
from tests.support.servers.redis_server import PATIENCE

A, B = b"a" * 16, b"b" * 16
FINGERPRINT = b"f" * 16
DEEP = b"\x91" * 100_000  # lists in lists


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(redis_url, PATIENCE)
    yield client
    await client.aclose()


@pytest.fixture
def tombstones(key_prefix: str) -> Tombstones:
    return Tombstones(key_prefix, wall, SIGNATURE)


def message(effect: Effect = Effect.ENDED, *keys: bytes, life: float = 600.0) -> RevocationMessage:
    return RevocationMessage(Revocation(effect, wall(), life), keys or (A,))


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"hello", b"\xc1", b"\x93" + msgspec.msgpack.encode([1, 1.0, 1.0]) + b"\x90" + DEEP),
        *(msgspec.msgpack.encode([1]), msgspec.msgpack.encode([[9, 1.0, 1.0], []])),
    ],
)
def test_a_message_that_is_none_is_an_error(payload: bytes) -> None:
    with pytest.raises(UNDECODABLE):
        decode_message(payload)


async def test_a_tombstones_age_is_the_servers_to_tell(tombstones: Tombstones, client: RedisClient) -> None:
    """The revoking process's clock is an hour slow, and its change is younger than the look-up all the same."""
    slow = Tombstones(tombstones.channel.removesuffix("news"), lambda: wall() - 3600, SIGNATURE)
    await revoke(slow, client, RevocationMessage(Revocation(Effect.CHANGED, wall() - 3600, 600.0), (A,)))
    assert await tombstones.status_of(client, [A, B], found(), 5.0) is RevocationStatus.CHANGED
    assert await tombstones.status_of(client, [B], found(), 5.0) is RevocationStatus.NONE


@pytest.mark.processes
async def test_a_change_wins_however_long_the_server_takes_to_tell_of_it() -> None:
    with redis_server.running(redis_server.program()) as server:
        client = connect(server.url, PATIENCE)
        tombstones = Tombstones("gw:", wall, SIGNATURE)
        began = monotonic()  # of the look-up, just before the change
        await revoke(tombstones, client, message(Effect.CHANGED))
        server.freeze()
        status = asyncio.gather(tombstones.status_of(client, [A], found(), monotonic() - began))
        await asyncio.sleep(0.05)
        server.thaw()
        assert await status == [RevocationStatus.CHANGED]
        await client.aclose()


@pytest.mark.parametrize("garbage", [b"garbage", b"\x94\x01\x01\x01" + DEEP])
async def test_garbage_in_a_tombstones_place_revokes(
    tombstones: Tombstones, client: RedisClient, key_prefix: str, garbage: bytes
) -> None:
    await client.set(f"{key_prefix}e:{A.hex()}", garbage, px=10_000)
    assert await tombstones.status_of(client, [A], found(), 0.0) is RevocationStatus.REVOKED


async def test_what_is_ended_is_taken_away_by_the_hundred(
    tombstones: Tombstones, client: RedisClient, key_prefix: str
) -> None:
    fingerprints = [number.to_bytes(16, "big") for number in range(1, 1300)]
    for fingerprint in fingerprints:
        await tombstones.index(client, [A], fingerprint, wall() + 60)
        await client.set(tombstones.entry_key(fingerprint), b"sealed", px=60_000)
    await client.set(tombstones.entry_key(FINGERPRINT), b"another's", px=60_000)
    await revoke(tombstones, client, message())
    left = [key async for key in client.scan_iter(f"{key_prefix}s:*")]
    assert left == [tombstones.entry_key(FINGERPRINT).encode()]


async def test_the_index_forgets_what_has_ended_by_itself(
    tombstones: Tombstones, client: RedisClient, key_prefix: str
) -> None:
    for fingerprint, life in ((b"g" * 16, 60), (FINGERPRINT, -1), (b"h" * 16, 60)):
        await tombstones.index(client, [A], fingerprint, wall() + life)
    assert await client.zrange(f"{key_prefix}i:{A.hex()}", 0, -1) == [b"g" * 16, b"h" * 16]


async def test_the_index_lives_as_long_as_its_longest_member(
    tombstones: Tombstones, client: RedisClient, key_prefix: str
) -> None:
    await tombstones.index(client, [A], FINGERPRINT, wall() + 5000)
    await tombstones.index(client, [A], b"g" * 16, wall() + 10)
    assert await client.ttl(f"{key_prefix}i:{A.hex()}") > 4000
    await tombstones.index(client, [A], FINGERPRINT, wall() + 10)
    assert (await client.zscore(f"{key_prefix}i:{A.hex()}", FINGERPRINT) or 0) > wall() + 4000


async def test_everything_that_it_writes_expires(tombstones: Tombstones, client: RedisClient, key_prefix: str) -> None:
    await tombstones.index(client, [A, B], FINGERPRINT, wall() + 60)
    await revoke(tombstones, client, message(Effect.ENDED, A, B))
    await revoke(tombstones, client, message(Effect.CHANGED, A, B))
    lives = [await client.ttl(key) async for key in client.scan_iter(f"{key_prefix}*")]
    assert len(lives) == 6
    assert min(lives) > 0


async def test_the_bus_is_told_what_was_ended(tombstones: Tombstones, client: RedisClient) -> None:
    revoked = message(Effect.ENDED_BEFORE, A, B)
    async with client.pubsub() as listener:
        await listener.subscribe(tombstones.channel)
        await listener.get_message(timeout=5)
        await revoke(tombstones, client, revoked)
        received = await listener.get_message(timeout=5)
    assert decode_message(SIGNATURE.opened(received["data"]) or b"") == revoked


@pytest.mark.parametrize("kind", ["string", "list", "hash"])
async def test_a_revocation_is_published_whatever_stands_in_the_indexs_place(
    tombstones: Tombstones, client: RedisClient, key_prefix: str, kind: str
) -> None:
    name = f"{key_prefix}i:{A.hex()}"
    fill = {"string": ("SET", name, "x"), "list": ("RPUSH", name, "x"), "hash": ("HSET", name, "a", "b")}[kind]
    await client.execute_command(*fill)
    async with client.pubsub() as listener:
        await listener.subscribe(tombstones.channel)
        await listener.get_message(timeout=5)
        await revoke(tombstones, client, message())
        assert decode_message(SIGNATURE.opened((await listener.get_message(timeout=5))["data"]) or b"").keys == (A,)
    assert not await client.exists(name)


async def test_a_revocation_is_published_before_anything_is_taken_away(
    tombstones: Tombstones, client: RedisClient, key_prefix: str
) -> None:
    await tombstones.index(client, [A], FINGERPRINT, wall() + 60)
    await client.set(tombstones.entry_key(FINGERPRINT), b"sealed", px=60_000)
    async with client.pubsub() as listener:
        await listener.subscribe(tombstones.channel)
        await listener.get_message(timeout=5)
        await tombstones.announce(client, message())
        assert (await listener.get_message(timeout=5))["type"] == "message"
    assert await client.exists(tombstones.entry_key(FINGERPRINT), f"{key_prefix}e:{A.hex()}") == 2
    await tombstones.clean_up(client, message())
    assert not await client.exists(tombstones.entry_key(FINGERPRINT))


@pytest.mark.processes
async def test_a_server_that_is_out_of_memory_still_publishes() -> None:
    with redis_server.running(redis_server.program()) as server:
        client = connect(server.url, PATIENCE)
        tombstones = Tombstones("gw:", wall, SIGNATURE)
        await client.config_set("maxmemory", "1")
        async with client.pubsub() as listener:
            await listener.subscribe(tombstones.channel)
            await listener.get_message(timeout=5)
            with pytest.raises(OutOfMemoryError):
                await tombstones.announce(client, message())
            assert (await listener.get_message(timeout=5))["type"] == "message"
        await client.aclose()


async def test_an_index_with_an_endless_member_breaks_nothing(
    tombstones: Tombstones, client: RedisClient, key_prefix: str
) -> None:
    await client.zadd(f"{key_prefix}i:{A.hex()}", {FINGERPRINT: float("inf")})
    await revoke(tombstones, client, message())
    assert await client.ttl(f"{key_prefix}e:{A.hex()}") > 600


HOSTILE = [msgspec.msgpack.encode([2, at, life]) for at in (float("inf"), float("nan"), -1.0, 1e300) for life in (1.0,)]


@pytest.mark.parametrize("written", [*HOSTILE, msgspec.msgpack.encode([2, 1.0, float("inf")])])
async def test_times_that_cannot_be_counted_with_are_garbage(
    tombstones: Tombstones, client: RedisClient, key_prefix: str, written: bytes
) -> None:
    await client.set(f"{key_prefix}e:{A.hex()}", written, px=10_000)
    assert await tombstones.status_of(client, [A], found(), 0.0) is RevocationStatus.REVOKED
    with pytest.raises(UNDECODABLE):
        decode_message(b"\x92" + written + b"\x90")


@pytest.mark.parametrize("off", [-3600.0, 3600.0])
async def test_a_users_revocation_counts_from_when_it_was_made_whatever_that_clock_says(
    tombstones: Tombstones, client: RedisClient, off: float
) -> None:
    """A revoker's clock that is an hour slow lets nobody stay; one that is an hour fast locks nobody out."""
    await revoke(tombstones, client, RevocationMessage(Revocation(Effect.ENDED_BEFORE, wall() + off, 600.0), (A,)))
    before, later = found(issued_at=wall() - 60), found(issued_at=wall() + 60)
    assert await tombstones.status_of(client, [A], before, 0.0) is RevocationStatus.REVOKED
    assert await tombstones.status_of(client, [A], later, -1.0) is RevocationStatus.NONE
