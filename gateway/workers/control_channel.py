"""The control channel between the supervisor and one worker: orders one way, reports the other, any number at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from itertools import count

import msgspec

from gateway.resilience.tasks import TaskKeeper
from gateway.workers.control import Answered, Asked, Message, Order, Report

_LENGTH_BYTES = 4
_LONGEST = 64 * 1024 * 1024
"""Bytes of one message. Both ends are ours: a longer one is a fault of the program, not an attack."""

Carry = Callable[[Order], Awaitable[Report]]

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


class GoneError(Exception):
    """The other process has ended, or is about to."""


class Channel:
    """One end; open it with `open_channel`. `listen` has to run for anything to be answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Report]] = {}
        self._tasks = TaskKeeper()
        self._gone = False

    async def ask(self, order: Order) -> Report:
        """Send an order and return what became of it; raises GoneError when the other end has gone."""
        if self._gone:
            raise GoneError
        number = next(self._numbers)
        answer: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._send(Asked(number, order))
            return await answer
        finally:
            del self._waiting[number]

    async def listen(self, carry: Carry) -> None:
        """Hand every order to `carry`, and every report to whoever waits for it, until the other end has gone."""
        try:
            while True:
                await self._take(await self._receive(), carry)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._gone = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(GoneError())

    async def close(self) -> None:
        """Hang up."""
        await self._tasks.aclose()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _take(self, message: Message, carry: Carry) -> None:
        if isinstance(message, Asked):
            self._tasks.start(self._carry(message, carry), "an order of the supervisor")
            return
        answer = self._waiting.get(message.number)
        if answer is not None and not answer.done():
            answer.set_result(message.report)

    async def _carry(self, asked: Asked, carry: Carry) -> None:
        with contextlib.suppress(GoneError):  # nobody is left to report to
            await self._send(Answered(asked.number, await carry(asked.order)))

    async def _send(self, message: Message) -> None:
        data = _encoder.encode(message)
        self._writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            raise GoneError from error

    async def _receive(self) -> Message:
        size = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
        if size > _LONGEST:
            raise ConnectionError("a message is too long")
        return _decoder.decode(await self._reader.readexactly(size))


async def open_channel(end: socket.socket) -> Channel:
    """Make a channel of one end of a socket pair, which it closes in the end."""
    end.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return Channel(*await asyncio.open_connection(sock=end))
