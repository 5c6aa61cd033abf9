"""What the supervisor and a worker send each other, and the channel between them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from itertools import count

import msgspec

from gateway.model.session import RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.exposition import Snapshot

_LENGTH_BYTES = 4
_MESSAGE_BYTES = 64 * 1024 * 1024
"""The largest message. Both ends are ours: a larger one is a fault of the program, not an attack."""


class RecordedRevocation(msgspec.Struct, frozen=True, array_like=True):
    """A revocation that was made before; `at` is in epoch seconds."""

    target: RevocationTarget
    at: float


class Build(msgspec.Struct, frozen=True, tag=True):
    """Build a generation of this config and keep it aside; problems are reported under the name `file`."""

    file: str
    text: str
    revocations: tuple[RecordedRevocation, ...] = ()

    def __repr__(self) -> str:
        """Show the name alone: a config may hold secrets."""
        return f"Build({self.file})"


class Swap(msgspec.Struct, frozen=True, tag=True):
    """Let the generation that was built serve; the first time, begin to listen."""


class Discard(msgspec.Struct, frozen=True, tag=True):
    """Close the generation that was built and never served."""


class RevokeCommand(msgspec.Struct, frozen=True, tag=True):
    """Revoke in every generation."""

    target: RevocationTarget


class ChangeCommand(msgspec.Struct, frozen=True, tag=True):
    """Look up again what is cached of this: its row in the directory changed."""

    target: RevocationTarget


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Show that the worker's event loop turns."""


class Collect(msgspec.Struct, frozen=True, tag=True):
    """Return the worker's metrics."""


class ListRevocations(msgspec.Struct, frozen=True, tag=True):
    """From a worker: return the revocations that the supervisor remembers."""


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Let requests in flight end within `grace` seconds; the reply comes when all have, and then the channel closes."""

    grace: float


class Leave(msgspec.Struct, frozen=True, tag=True):
    """From a worker that got SIGTERM from elsewhere: start a successor, then drain this worker."""


Command = Build | Swap | Discard | RevokeCommand | ChangeCommand | Ping | Collect | ListRevocations | Drain | Leave


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of a command: `fault` is why it failed, `complete` whether a revocation took effect everywhere."""

    fault: str = ""
    complete: bool = True
    snapshot: Snapshot = ()
    revocations: tuple[RecordedRevocation, ...] = ()


class SentCommand(msgspec.Struct, frozen=True, tag=True):
    """A command on the channel; its reply has the same `number`."""

    number: int
    command: Command


class SentReply(msgspec.Struct, frozen=True, tag=True):
    """A reply on the channel."""

    number: int
    reply: Reply


ControlMessage = SentCommand | SentReply

ExecuteCommand = Callable[[Command], Awaitable[Reply]]

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[ControlMessage] = msgspec.msgpack.Decoder(ControlMessage)


class ChannelClosedError(Exception):
    """The other process has ended, or is about to."""


class ControlChannel:
    """One end of the channel, from `open_channel`; any number of commands may be in flight, either way.

    `listen` has to run for anything to be replied to.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[Reply]] = {}
        self._tasks = TaskKeeper()
        self._peer_closed = False

    async def request(self, command: Command) -> Reply:
        """Send a command and return its reply; raises ChannelClosedError when the other end has closed."""
        if self._peer_closed:
            raise ChannelClosedError
        number = next(self._numbers)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending[number] = reply
        try:
            await self._send(SentCommand(number, command))
            return await reply
        finally:
            del self._pending[number]

    async def listen(self, execute: ExecuteCommand) -> None:
        """Run every command by `execute` and hand every reply to its caller, until the other end closes."""
        try:
            while True:
                self._dispatch(await self._receive(), execute)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._peer_closed = True
            for reply in self._pending.values():
                if not reply.done():
                    reply.set_exception(ChannelClosedError())

    async def close(self) -> None:
        """Close this end; commands that are being executed are cancelled."""
        await self._tasks.aclose()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _dispatch(self, message: ControlMessage, execute: ExecuteCommand) -> None:
        if isinstance(message, SentCommand):
            self._tasks.start(self._execute(message, execute), "control command")
            return
        reply = self._pending.get(message.number)
        if reply is not None and not reply.done():
            reply.set_result(message.reply)

    async def _execute(self, sent: SentCommand, execute: ExecuteCommand) -> None:
        with contextlib.suppress(ChannelClosedError):  # nobody waits for the reply any more
            await self._send(SentReply(sent.number, await execute(sent.command)))

    async def _send(self, message: ControlMessage) -> None:
        data = _encoder.encode(message)
        self._writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            raise ChannelClosedError from error

    async def _receive(self) -> ControlMessage:
        size = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
        if size > _MESSAGE_BYTES:
            raise ConnectionError("a message is too long")
        return _decoder.decode(await self._reader.readexactly(size))


async def open_channel(end: socket.socket) -> ControlChannel:
    """Return a channel on one end of a socket pair; the channel closes it."""
    end.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return ControlChannel(*await asyncio.open_connection(sock=end))
