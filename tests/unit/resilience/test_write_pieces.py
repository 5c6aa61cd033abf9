from __future__ import annotations

import asyncio
import socket

from typing_extensions import override

from gateway.resilience.write_pieces import write_pieces


class Writer(asyncio.Protocol):
    def __init__(self) -> None:
        self.paused = False

    @override
    def pause_writing(self) -> None:
        self.paused = True


async def test_pieces_that_nobody_takes_pause_who_writes() -> None:
    ours, theirs = socket.socketpair()
    transport, writer = await asyncio.get_running_loop().create_connection(Writer, sock=ours)
    transport.set_write_buffer_limits(65536)
    for _ in range(1000):
        write_pieces(transport, (b"a" * 10_000, b"b" * 10_000))
        if writer.paused:
            break
    assert writer.paused
    assert theirs.recv(20_000) == b"a" * 10_000 + b"b" * 10_000
    transport.abort()
    theirs.close()
