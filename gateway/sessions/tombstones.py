"""What was ended, as Redis remembers it for processes that were not there to hear.

Revoking sets the tombstones first, then takes away what the index names, then tells the bus. Filling adds to the index,
stores, and then reads the tombstones. Whichever way the two interleave, either the revocation finds the entry or the
fill finds the tombstone. No step touches two keys at once, so a cluster needs no cross-slot script.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

import msgspec

from gateway.model.answers import Found
from gateway.model.decoding import UNDECODABLE
from gateway.redis.client import RedisClient
from gateway.sessions.revocation import Effect, Revocation, RevocationMessage, RevocationStatus, status_of

_SCAN_COUNT = 500
_ROUNDING = 0.005  # PTTL tells whole milliseconds; a look-up that began a moment too late is only looked up again
_FAIL_CLOSED = Revocation(Effect.ENDED, 0.0, 0.0)

_encoder = msgspec.msgpack.Encoder()
_ending_decoder = msgspec.msgpack.Decoder(Revocation)
_news_decoder = msgspec.msgpack.Decoder(RevocationMessage)


def decode_news(payload: bytes) -> RevocationMessage:
    """Read a bus message; raises one of UNDECODABLE for anything else."""
    return _news_decoder.decode(payload)


class Tombstones:
    """Reads and sets tombstones and the index under `prefix`. Lets redis-py's errors through.

    Ages are told by the server's own countdown (PTTL), never by comparing two machines' clocks: a revocation by a
    process whose clock is a second slow would else look older than the look-up that it must stop. `clock` is in epoch
    seconds and only compared with the expiry of what is indexed.
    """

    def __init__(self, prefix: str, clock: Callable[[], float]) -> None:
        self._prefix = prefix
        self._clock = clock

    @property
    def channel(self) -> str:
        """The bus channel that news go out on."""
        return f"{self._prefix}news"

    def entry_key(self, fingerprint: bytes) -> str:
        """Return the key that a sealed answer lies under."""
        return f"{self._prefix}s:{fingerprint.hex()}"

    async def index(self, client: RedisClient, handles: Sequence[bytes], fingerprint: bytes, until: float) -> None:
        """Note under each handle that `fingerprint` is to be found and ended with it, up to `until` (epoch seconds)."""
        pipeline = client.pipeline(transaction=False)
        now = self._clock()
        for handle in handles:
            key = self._index_key(handle)
            pipeline.zadd(key, {fingerprint: until}, gt=True)
            pipeline.zremrangebyscore(key, "-inf", now)
            # NX and GT: the index lives as long as its longest member, and never shorter than it already does
            pipeline.expireat(key, int(until) + 1, nx=True)
            pipeline.expireat(key, int(until) + 1, gt=True)
        await pipeline.execute()

    async def status_of(
        self, client: RedisClient, handles: Sequence[bytes], found: Found, age: float
    ) -> RevocationStatus:
        """Return what the tombstones mean for an answer whose look-up began `age` seconds ago.

        What passes until the server has told is added: it tells how old a tombstone is *then*, and one that was set
        while we waited for a connection, or for the server, would else look older than the look-up.
        """
        asked = monotonic()
        pipeline = client.pipeline(transaction=False)
        for handle in handles:
            for key in (self._ended_key(handle), self._changed_key(handle)):
                pipeline.get(key)
                pipeline.pttl(key)
        replies = await pipeline.execute()
        age += monotonic() - asked
        pairs = zip(replies[::2], replies[1::2], strict=True)
        return status_of([_read(value, remaining, age) for value, remaining in pairs if value is not None], found)

    async def end(self, client: RedisClient, news: RevocationMessage) -> None:
        """Set the tombstones, take away what the index names, tell the bus."""
        await self._bury(client, news)
        fingerprints: dict[bytes, float] = {}
        for handle in news.handles:
            fingerprints |= await self._indexed(client, handle)
        await self._outlive(client, news, max(fingerprints.values(), default=0.0))
        await self._take_away(client, tuple(fingerprints))
        await client.publish(self.channel, _encoder.encode(news))

    async def _bury(self, client: RedisClient, news: RevocationMessage) -> None:
        """Set the tombstones; a change has a key of its own, so that it never replaces a lasting revocation."""
        key_of = self._changed_key if news.ending.effect is Effect.CHANGED else self._ended_key
        for handle in news.handles:
            await client.set(key_of(handle), _encoder.encode(news.ending), px=_milliseconds(news.ending.life))

    async def _outlive(self, client: RedisClient, news: RevocationMessage, latest: float) -> None:
        """Let a revocation be remembered as long as the longest-lived token that it ends."""
        needed = latest - self._clock()
        if news.ending.effect is Effect.CHANGED or needed <= news.ending.life:
            return
        await self._bury(client, RevocationMessage(msgspec.structs.replace(news.ending, life=needed), news.handles))

    async def _indexed(self, client: RedisClient, handle: bytes) -> dict[bytes, float]:
        found: dict[bytes, float] = {}
        cursor = 0
        while True:
            cursor, members = await client.zscan(self._index_key(handle), cursor, count=_SCAN_COUNT)
            found.update(cast("list[tuple[bytes, float]]", members))
            if cursor == 0:
                return found | {handle: 0.0}  # a credential's handle is its fingerprint, index or not

    async def _take_away(self, client: RedisClient, fingerprints: Sequence[bytes]) -> None:
        for start in range(0, len(fingerprints), _SCAN_COUNT):
            pipeline = client.pipeline(transaction=False)
            for fingerprint in fingerprints[start : start + _SCAN_COUNT]:
                # by its wire name: the method is a coroutine on a cluster's pipeline and none on a single server's
                pipeline.execute_command("UNLINK", self.entry_key(fingerprint))
            await pipeline.execute()

    def _index_key(self, handle: bytes) -> str:
        return f"{self._prefix}i:{handle.hex()}"

    def _ended_key(self, handle: bytes) -> str:
        return f"{self._prefix}e:{handle.hex()}"

    def _changed_key(self, handle: bytes) -> str:
        return f"{self._prefix}c:{handle.hex()}"


def _read(value: bytes, remaining: int, age: float) -> tuple[Revocation, bool]:
    """Return the ending and whether it is younger than `age` seconds; garbage in a tombstone's place is one."""
    ending = _decode(value)
    return ending, ending.life - remaining / 1000 <= age + _ROUNDING


def _decode(value: bytes) -> Revocation:
    try:
        return _ending_decoder.decode(value)
    except UNDECODABLE:
        return _FAIL_CLOSED


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
