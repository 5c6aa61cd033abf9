"""Revocations as Redis remembers them, for processes that missed the message.

Revoking sets the tombstones first, then publishes, then deletes what the index names. Filling adds to the index,
stores, and then reads the tombstones. Whichever way the two interleave, either the revocation finds the entry or the
fill finds the tombstone. No step touches two keys at once, so a cluster needs no cross-slot script.

Redis is hostile ground: a message is signed, times are looked at before they are counted with, and a key of the wrong
type is deleted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

import msgspec
from redis.exceptions import ResponseError

from gateway.model.answers import Found
from gateway.model.errors import UNDECODABLE
from gateway.redis.border import execute, is_wrong_type
from gateway.redis.client import RedisClient
from gateway.sessions.bus_signature import BusSignature
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, RevocationStatus, bounded, status_of

_SCAN_COUNT = 500
_INDEX_COMMANDS = 4
_INDEX_ATTEMPTS = 2
"""One, and one more where a key was of the wrong type."""
_ROUNDING = 0.005
"""Seconds; PTTL counts whole milliseconds, and a look-up that began a moment too late is only looked up again."""
_FAIL_CLOSED = Revocation(Effect.ENDED, 0.0, 0.0)
_LONGEST_LIFE = 100 * 366 * 86400.0
"""Seconds; no token lives as long, and Redis refuses lifetimes that are much longer."""

_encoder = msgspec.msgpack.Encoder()
_tombstone_decoder = msgspec.msgpack.Decoder(Revocation)
_message_decoder = msgspec.msgpack.Decoder(RevocationMessage)


def decode_message(body: bytes) -> RevocationMessage:
    """Read the body of a bus message; raises one of UNDECODABLE for anything else."""
    return _message_decoder.decode(body)


class Tombstones:
    """Reads and sets tombstones and the index under `prefix`. Lets redis-py's errors through.

    Ages come from the server's own countdown (PTTL), never from comparing two machines' clocks: a revocation by a
    process whose clock is a second slow would else look older than the look-up that it must stop. `clock` is in epoch
    seconds; it is compared with the expiry of what is indexed, and bounds the times that other clocks have written.
    """

    def __init__(self, prefix: str, clock: Callable[[], float], signature: BusSignature) -> None:
        self._prefix = prefix
        self._clock = clock
        self._signature = signature

    @property
    def channel(self) -> str:
        """The bus channel of revocation messages."""
        return f"{self._prefix}news"

    def entry_key(self, fingerprint: bytes) -> str:
        """Return the Redis key of a sealed answer."""
        return f"{self._prefix}s:{fingerprint.hex()}"

    async def index(self, client: RedisClient, keys: Sequence[bytes], fingerprint: bytes, until: float) -> None:
        """Note under each revocation key that it revokes `fingerprint`, up to `until` (epoch seconds)."""
        now = self._clock()
        life = math.ceil(min(max(0.0, until - now), _LONGEST_LIFE)) + 1
        index_keys = [self._index_key(key) for key in keys for _ in range(_INDEX_COMMANDS)]
        for _ in range(_INDEX_ATTEMPTS):
            pipeline = client.pipeline(transaction=False)
            for index_key in index_keys[::_INDEX_COMMANDS]:
                pipeline.zadd(index_key, {fingerprint: until}, gt=True)
                pipeline.zremrangebyscore(index_key, "-inf", now)
                # NX and GT: the index lives as long as its longest member, and never shorter than it already does; by
                # the server's countdown, since its clock may be another
                pipeline.expire(index_key, life, nx=True)
                pipeline.expire(index_key, life, gt=True)
            if None not in await execute(pipeline, index_keys, client):
                return

    async def status_of(self, client: RedisClient, keys: Sequence[bytes], found: Found, age: float) -> RevocationStatus:
        """Return what the tombstones mean for an answer whose look-up began `age` seconds ago.

        The time until the server's reply is added to `age`: a tombstone that was set while we waited for a connection
        or for the server would else look older than the look-up.
        """
        began = monotonic()
        pipeline = client.pipeline(transaction=False)
        tombstone_keys = [name for key in keys for name in (self._ended_key(key), self._changed_key(key))]
        for tombstone_key in tombstone_keys:
            pipeline.get(tombstone_key)
            pipeline.pttl(tombstone_key)
        replies = await execute(pipeline, [name for name in tombstone_keys for _ in range(2)], client)
        age += monotonic() - began
        pairs = zip(replies[::2], replies[1::2], strict=True)
        now = self._clock()
        tombstones = [_read(value, remaining, age, now) for value, remaining in pairs if value is not None]
        return status_of(tombstones, found)

    async def announce(self, client: RedisClient, message: RevocationMessage) -> None:
        """Set the tombstones and publish on the bus; a server that is out of memory still publishes."""
        try:
            await self._set(client, message)
        finally:
            await client.publish(self.channel, self._signature.sign(_encoder.encode(message)))

    async def clean_up(self, client: RedisClient, message: RevocationMessage) -> None:
        """Delete what the index names, and let the tombstones live as long as that could."""
        fingerprints: dict[bytes, float] = {}
        for key in message.keys:
            fingerprints |= await self._indexed(client, key)
        await self._outlive(client, message, max(fingerprints.values(), default=0.0))
        await self._delete_entries(client, tuple(fingerprints))

    async def _set(self, client: RedisClient, message: RevocationMessage) -> None:
        """Set the tombstones; a change has a key of its own, so that it never replaces a lasting revocation."""
        revocation = message.revocation
        tombstone_key = self._changed_key if revocation.effect is Effect.CHANGED else self._ended_key
        milliseconds = max(1, round(revocation.life * 1000))
        for key in message.keys:
            await client.set(tombstone_key(key), _encoder.encode(revocation), px=milliseconds)

    async def _outlive(self, client: RedisClient, message: RevocationMessage, latest: float) -> None:
        """Keep a revocation until `latest` (epoch seconds), the expiry of the longest-lived token that it ends."""
        revocation, needed = message.revocation, min(latest - self._clock(), _LONGEST_LIFE)
        if revocation.effect is Effect.CHANGED or needed <= revocation.life:
            return
        await self._set(client, RevocationMessage(msgspec.structs.replace(revocation, life=needed), message.keys))

    async def _indexed(self, client: RedisClient, key: bytes) -> dict[bytes, float]:
        """Return the fingerprints that a revocation key revokes, and until when each may count (epoch seconds)."""
        fingerprints: dict[bytes, float] = {}
        cursor = 0
        while True:
            try:
                cursor, members = await client.zscan(self._index_key(key), cursor, count=_SCAN_COUNT)
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                await client.unlink(self._index_key(key))
                cursor, members = 0, []
            fingerprints.update(cast("list[tuple[bytes, float]]", members))
            if cursor == 0:
                return fingerprints | {key: 0.0}  # a credential's key is its fingerprint, indexed or not

    async def _delete_entries(self, client: RedisClient, fingerprints: Sequence[bytes]) -> None:
        for start in range(0, len(fingerprints), _SCAN_COUNT):
            pipeline = client.pipeline(transaction=False)
            for fingerprint in fingerprints[start : start + _SCAN_COUNT]:
                # by its wire name: the method is a coroutine on a cluster's pipeline and none on a single server's
                pipeline.execute_command("UNLINK", self.entry_key(fingerprint))
            await pipeline.execute()

    def _index_key(self, key: bytes) -> str:
        return f"{self._prefix}i:{key.hex()}"

    def _ended_key(self, key: bytes) -> str:
        return f"{self._prefix}e:{key.hex()}"

    def _changed_key(self, key: bytes) -> str:
        return f"{self._prefix}c:{key.hex()}"


def _read(value: bytes, remaining: int, age: float, now: float) -> tuple[Revocation, bool]:
    """Return a tombstone that lives `remaining` ms more, and whether it is younger than `age` seconds."""
    revocation = _decode(value)
    own_age = max(0.0, revocation.life - remaining / 1000)
    return bounded(revocation, now - own_age), own_age <= age + _ROUNDING


def _decode(value: bytes) -> Revocation:
    """Return the tombstone; garbage in its place is one too."""
    try:
        return _tombstone_decoder.decode(value)
    except UNDECODABLE:
        return _FAIL_CLOSED
