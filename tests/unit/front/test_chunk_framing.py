from __future__ import annotations

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from gateway.front.chunk_framing import ChunkFraming


async def framing(most: int) -> tuple[ChunkFraming, StreamReader]:
    loop = asyncio.get_running_loop()
    body = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    return ChunkFraming(body, most), body


async def test_data_excuses_its_own_framing_and_none_that_comes_later() -> None:
    bound, body = await framing(100)
    body.feed_data(b"x" * 1000)
    assert bound.took(5000, parsed_all=True)
    assert bound.took(100, parsed_all=True)
    assert not bound.took(1, parsed_all=True)


async def test_what_is_held_back_is_not_judged_until_it_was_parsed() -> None:
    bound, body = await framing(100)
    assert bound.took(5000, parsed_all=False)
    body.feed_data(b"x" * 4900)
    assert bound.took(0, parsed_all=True)
