"""The control channel between the supervisor and one worker: orders one way, reports the other, any number at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from itertools import count

import msgspec

from gateway.resilience.tasks import TaskKeeper
from gateway.workers.control import Command, ControlMessage, Reply, SentCommand, SentReply

_LENGTH_BYTES = 4
_LONGEST = 64 * 1024 * 1024
"""Bytes of one message. Both ends are ours: a longer one is a fault of the program, not an attack."""

Execute = Callable[[Command], Awaitable[Reply]]

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[ControlMessage] = msgspec.msgpack.Decoder(ControlMessage)


class ChannelClosedError(Exception):
    """The other process has ended, or is about to."""


class ControlChannel:
    """One end; open it with `open_channel`. `listen` has to run for anything to be answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._tasks = TaskKeeper()
        self._gone = False

    async def ask(self, order: Command) -> Reply:
        """Send an order and return what became of it; raises ChannelClosedError when the other end has gone."""
        if self._gone:
            raise ChannelClosedError
        number = next(self._numbers)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._send(SentCommand(number, order))
            return await answer
        finally:
            del self._waiting[number]

    async def listen(self, carry: Execute) -> None:
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
                    answer.set_exception(ChannelClosedError())

    async def close(self) -> None:
        """Hang up."""
        await self._tasks.aclose()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _take(self, message: ControlMessage, carry: Execute) -> None:
        if isinstance(message, SentCommand):
            self._tasks.start(self._carry(message, carry), "an order of the supervisor")
            return
        answer = self._waiting.get(message.number)
        if answer is not None and not answer.done():
            answer.set_result(message.report)

    async def _carry(self, asked: SentCommand, carry: Execute) -> None:
        with contextlib.suppress(ChannelClosedError):  # nobody is left to report to
            await self._send(SentReply(asked.number, await carry(asked.order)))

    async def _send(self, message: ControlMessage) -> None:
        data = _encoder.encode(message)
        self._writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            raise ChannelClosedError from error

    async def _receive(self) -> ControlMessage:
        size = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
        if size > _LONGEST:
            raise ConnectionError("a message is too long")
        return _decoder.decode(await self._reader.readexactly(size))


async def open_channel(end: socket.socket) -> ControlChannel:
    """Make a channel of one end of a socket pair, which it closes in the end."""
    end.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return ControlChannel(*await asyncio.open_connection(sock=end))
