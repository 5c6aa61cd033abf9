"""A bare aiohttp low-level server with one static answer: what no answer of ours can cost less than."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web

_BODY = b'{"session_id":"%b"}' % (b"0" * 900)
_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


async def main(port: int) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=_BODY, headers=_HEADERS)

    server = web.Server(answer, access_log=None)
    await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
