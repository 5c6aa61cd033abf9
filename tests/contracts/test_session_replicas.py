"""Replicas that share a real Redis, seen as their callers see them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.model.answers import Found, Reason, Rejected, Tier, Unavailable
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.redis.client import RedisClient, connect
from gateway.sessions.cache_entry import CacheTimes
from tests.support.fakes.sessions import Authority, Gateway, NextRevocation, SharedRedis, found, key_session, wall
from tests.support.servers.redis_server import PATIENCE


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[RedisClient]:
    client = connect(redis_url, PATIENCE)
    yield client
    await client.aclose()


@pytest.fixture
def shared(client: RedisClient, key_prefix: str) -> SharedRedis:
    return SharedRedis(client, key_prefix, PATIENCE)


def replica(authority: Authority, shared: SharedRedis, **options: object) -> Gateway:
    return Gateway(authority, wall, redis=shared, **options)  # type: ignore[arg-type]


async def test_what_one_replica_asked_the_other_has(shared: SharedRedis) -> None:
    authority, other = Authority(), Authority()
    authority.answers["t"] = found()
    async with replica(authority, shared) as first, replica(other, shared) as second:
        await first.resolver.resolve(first.credential("t"))
        resolution = await second.resolver.resolve(second.credential("t"))
    assert (resolution.answer, resolution.tier, resolution.authority) == (found(), Tier.REDIS, "accounts")
    assert 0 <= resolution.age < 1
    assert other.look_ups == []


async def test_a_cold_fleet_asks_once(shared: SharedRedis) -> None:
    authority = Authority()
    authority.answers["t"] = found()
    authority.gate.clear()
    async with (
        replica(authority, shared) as one,
        replica(authority, shared) as two,
        replica(authority, shared) as three,
    ):
        fleet = (one, two, three)
        asking = [asyncio.gather(*(r.resolver.resolve(r.credential("t")) for _ in range(50))) for r in fleet]
        await authority.began.wait()
        authority.gate.set()
        answers = await asyncio.gather(*asking)
    assert authority.look_ups == ["t"]
    assert all(resolution.answer == found() for of_one in answers for resolution in of_one)


async def test_garbage_leaves_nothing_in_redis_but_short_claims(
    shared: SharedRedis, client: RedisClient, key_prefix: str
) -> None:
    async with replica(Authority(), shared) as gateway:
        for number in range(20):
            resolution = await gateway.resolver.resolve(gateway.credential(f"garbage-{number}"))
            assert resolution.answer == Rejected(Reason.UNKNOWN)
    names = [key async for key in client.scan_iter(f"{key_prefix}*")]
    assert [key for key in names if not key.endswith(b":asked")] == []
    lives = [await client.pttl(key) for key in names]
    assert all(life <= 2000 for life in lives)
    assert [value for key in names if b"garbage" in ((value := await client.get(key)) or b"")] == []


@pytest.mark.parametrize(
    "target",
    [
        RevocationTarget(RevocationKind.SESSION, "session-1"),
        RevocationTarget(RevocationKind.USER, "user-1"),
        RevocationTarget(RevocationKind.USER, "member-1"),
        RevocationTarget(RevocationKind.ORGANIZATION, "org-1"),
    ],
    ids=lambda target: f"{target.kind.value} {target.id}",
)
async def test_a_revocation_reaches_every_replica_and_stays(shared: SharedRedis, target: RevocationTarget) -> None:
    authority = Authority()
    authority.answers["t"] = found()  # an authority that goes on saying so, as a remote one does
    async with replica(authority, shared) as first, replica(authority, shared) as second:
        for gateway in (first, second):
            assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == found()
        revocation = NextRevocation(second)
        assert await first.revoker.revoke(target)
        await revocation.wait()
        for gateway in (first, second):
            assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == Rejected(Reason.REVOKED)
    async with replica(authority, shared) as newcomer:  # missed the message, and must find the tombstone
        resolution = await newcomer.resolver.resolve(newcomer.credential("t"))
    assert resolution.answer == Rejected(Reason.REVOKED)


async def test_an_api_key_and_a_credential_can_be_revoked(shared: SharedRedis) -> None:
    authority = Authority()
    authority.answers |= {"key": Found(key_session()), "t": found(2)}
    async with replica(authority, shared) as gateway:
        await gateway.resolver.resolve(gateway.credential("key"))
        await gateway.resolver.resolve(gateway.credential("t"))
        await gateway.revoker.revoke(RevocationTarget(RevocationKind.API_KEY, "key-1"))
        await gateway.revoker.revoke(
            RevocationTarget(RevocationKind.CREDENTIAL, gateway.credential("t").fingerprint.hex())
        )
        for parts in ("key", "t"):
            resolution = await gateway.resolver.resolve(gateway.credential(parts))
            assert resolution.answer == Rejected(Reason.REVOKED)


async def test_a_user_may_sign_in_again(shared: SharedRedis) -> None:
    authority = Authority()
    authority.answers["old"] = found(1)
    authority.answers["new"] = found(1, issued_at=wall() + 5)
    async with replica(authority, shared) as gateway:
        await gateway.revoker.revoke(RevocationTarget(RevocationKind.USER, "user-1"))
        assert (await gateway.resolver.resolve(gateway.credential("old"))).answer == Rejected(Reason.REVOKED)
        assert isinstance((await gateway.resolver.resolve(gateway.credential("new"))).answer, Found)


async def test_a_changed_row_is_read_again_everywhere(shared: SharedRedis) -> None:
    authority = Authority()
    authority.answers["t"] = found(1)
    async with replica(authority, shared) as first, replica(authority, shared) as second:
        for gateway in (first, second):
            await gateway.resolver.resolve(gateway.credential("t"))
        revocation = NextRevocation(second)
        authority.answers["t"] = found(2)
        await first.revoker.changed(RevocationTarget(RevocationKind.USER, "user-1"))
        await revocation.wait()
        for gateway in (second, first):
            assert (await gateway.resolver.resolve(gateway.credential("t"))).answer == found(2)
    assert authority.look_ups == ["t", "t"]


async def test_a_fill_that_a_revocation_overtakes_is_not_stored(shared: SharedRedis) -> None:
    """The replica that fills is not subscribed to the bus; the tombstone alone must stop it."""
    authority, elsewhere = Authority(), Authority()
    authority.answers["t"] = found()
    authority.gate.clear()
    filling = replica(authority, shared)  # not started: it hears nothing
    async with replica(elsewhere, shared) as revoking:
        asking = filling.tasks.start(filling.resolver.resolve(filling.credential("t")), "caller")
        await authority.began.wait()
        await revoking.revoker.changed(RevocationTarget(RevocationKind.SESSION, "session-1"))
        authority.answers["t"] = found(2)
        authority.gate.set()
        assert (await asking).answer == found(2)
        stored = await revoking.resolver.resolve(revoking.credential("t"))
    await filling.tasks.aclose()
    assert (stored.answer, stored.tier) == (found(2), Tier.REDIS)


async def test_signed_tokens_stay_in_memory_and_stay_revoked(
    shared: SharedRedis, client: RedisClient, key_prefix: str
) -> None:
    authority = Authority(memory_only=True)
    authority.answers["t"] = found(1, expires_at=wall() + 3 * 86400)
    async with replica(authority, shared) as gateway:
        assert isinstance((await gateway.resolver.resolve(gateway.credential("t"))).answer, Found)
        assert [key async for key in client.scan_iter(f"{key_prefix}s:*")] == []
        await gateway.revoker.revoke(RevocationTarget(RevocationKind.SESSION, "session-1"))
        lives = [await client.ttl(key) async for key in client.scan_iter(f"{key_prefix}e:*")]
    assert lives
    assert min(lives) > 2 * 86400  # as long as the token, not only `revoked`
    async with replica(authority, shared) as newcomer:
        resolution = await newcomer.resolver.resolve(newcomer.credential("t"))
    assert resolution.answer == Rejected(Reason.REVOKED)


@pytest.mark.parametrize(
    ("writes", "reads"),
    [((b"old",), (b"old", b"new")), ((b"old", b"new"), (b"new", b"old")), ((b"new", b"old"), (b"new",))],
    ids=["learn", "switch", "forget"],
)
async def test_a_secret_rotates_without_losing_the_cache(
    shared: SharedRedis, writes: tuple[bytes, ...], reads: tuple[bytes, ...]
) -> None:
    authority, other = Authority(), Authority()
    authority.answers["t"] = other.answers["t"] = found()
    async with replica(authority, shared, secrets=writes) as before, replica(other, shared, secrets=reads) as after:
        await before.resolver.resolve(before.credential("t"))
        assert (await after.resolver.resolve(after.credential("t"))).tier is Tier.REDIS
        revocation = NextRevocation(after)
        await before.revoker.revoke(RevocationTarget(RevocationKind.USER, "user-1"))
        await revocation.wait()
        assert (await after.resolver.resolve(after.credential("t"))).answer == Rejected(Reason.REVOKED)
    async with replica(other, shared, secrets=reads) as newcomer:
        resolution = await newcomer.resolver.resolve(newcomer.credential("t"))
    assert resolution.answer == Rejected(Reason.REVOKED)


async def test_redis_and_the_bus_show_nothing_readable(
    shared: SharedRedis, client: RedisClient, key_prefix: str
) -> None:
    authority = Authority()
    authority.answers["sk_live_abc123"] = found()
    async with replica(authority, shared) as gateway, client.pubsub() as listener:
        await listener.psubscribe(f"{key_prefix}*")
        await listener.get_message(timeout=5)
        await gateway.resolver.resolve(gateway.credential("sk_live_abc123"))
        dumped = [await _dump(client, key) async for key in client.scan_iter(f"{key_prefix}*")]
        await gateway.revoker.revoke(RevocationTarget(RevocationKind.USER, "user-1"))
        message = await listener.get_message(timeout=5)
        dumped += [await _dump(client, key) async for key in client.scan_iter(f"{key_prefix}*")]
    everything = b"\n".join([*dumped, message["data"]])
    assert len(dumped) > 5
    for readable in (b"sk_live", b"abc123", b"user-1", b"session-1", b"org-1", b"Ada", b"example.com", b"accounts"):
        assert readable not in everything


async def test_stale_from_redis_stands_in(shared: SharedRedis) -> None:
    times = CacheTimes(fresh=0.0, stale=60.0)
    authority, other = Authority(), Authority()
    authority.answers["t"] = found()
    other.answers["t"] = Unavailable("down")
    async with replica(authority, shared, times=times) as first, replica(other, shared, times=times) as second:
        await first.resolver.resolve(first.credential("t"))
        resolution = await second.resolver.resolve(second.credential("t"))
    assert (resolution.answer, resolution.tier, resolution.stale) == (found(), Tier.REDIS, True)


async def _dump(client: RedisClient, key: bytes) -> bytes:
    value = await client.get(key) if await client.type(key) == b"string" else repr(await client.zrange(key, 0, -1))
    return key + b" " + (value if isinstance(value, bytes) else str(value).encode())


async def test_whoever_writes_to_redis_brings_nobody_back(
    shared: SharedRedis, client: RedisClient, key_prefix: str
) -> None:
    """The sealed answer of a deleted key is put back with a new countdown, and every tombstone is taken away."""
    authority = Authority()
    authority.answers["t"] = found()
    async with replica(authority, shared) as first, replica(authority, shared) as second:
        await first.resolver.resolve(first.credential("t"))
        (name,) = [key async for key in client.scan_iter(f"{key_prefix}s:*")]
        sealed = await client.get(name)
        await asyncio.sleep(0.01)  # more than the rounding of an age
        revocation = NextRevocation(second)
        authority.answers["t"] = Rejected(Reason.REVOKED)
        await first.revoker.changed(RevocationTarget(RevocationKind.USER, "user-1"))  # as a deleted row is told
        await revocation.wait()
        for gateway in (first, second):
            for key in [key async for key in client.scan_iter(f"{key_prefix}*")]:
                await client.unlink(key)
            await client.set(name, sealed or b"", px=600_000)
            resolution = await gateway.resolver.resolve(gateway.credential("t"))
            assert resolution.answer == Rejected(Reason.REVOKED)


async def test_a_fleet_does_not_queue_for_a_no(shared: SharedRedis) -> None:
    authority = Authority()
    authority.gate.clear()
    async with contextlib.AsyncExitStack() as stack:
        fleet = [await stack.enter_async_context(replica(authority, shared)) for _ in range(8)]
        asking = [asyncio.gather(each.resolver.resolve(each.credential("made-up"))) for each in fleet]
        await authority.began.wait()
        authority.gate.set()
        resolutions = [resolution for (resolution,) in await asyncio.gather(*asking)]
        assert {resolution.answer for resolution in resolutions} == {Rejected(Reason.UNKNOWN)}
        assert authority.look_ups == ["made-up"]
        for each in fleet:  # and each remembers it
            assert (await each.resolver.resolve(each.credential("made-up"))).tier is Tier.MEMORY
