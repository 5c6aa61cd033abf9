"""The front and the forwarding room behind an endpoint that allows everything: what carrying alone costs."""

from __future__ import annotations

import asyncio
import gc
import sys

import uvloop

from tests.support.gateways.carrying import carrying, route_to


async def main(port: int, upstream: int) -> None:
    async with carrying(route_to(upstream), port=port, keep_records=False):
        gc.collect()
        gc.freeze()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
