import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from gateway.model.session import RevocationKind, RevocationTarget
from gateway.resilience.tasks import TaskKeeper
from gateway.telemetry.exposition import Family, Sample
from gateway.workers.control import (
    Build,
    ChannelClosedError,
    Collect,
    Command,
    ControlChannel,
    ControlMessage,
    Discard,
    Drain,
    Leave,
    Ping,
    RecordedRevocation,
    Reply,
    RevokeCommand,
    SentCommand,
    SentReply,
    Swap,
    open_channel,
)

USER = RevocationTarget(RevocationKind.USER, "user_1")
COUNTED = Family("c", "counter", "Counted.", (Sample("c_total", (("a", "b"),), 1.0),))


@pytest.mark.parametrize(
    "command",
    [
        Build("f", "text", (RecordedRevocation(USER, 1.5),)),
        Swap(),
        Discard(),
        RevokeCommand(USER),
        Ping(),
        Collect(),
        Drain(1.5),
        Leave(),
    ],
)
def test_every_command_arrives_as_it_was_sent(command: Command) -> None:
    sent = SentCommand(7, command)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=ControlMessage) == sent


@pytest.mark.parametrize("reply", [Reply(), Reply(fault="no"), Reply(complete=False), Reply(snapshot=(COUNTED,))])
def test_every_reply_arrives_as_it_was_sent(reply: Reply) -> None:
    sent = SentReply(7, reply)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=ControlMessage) == sent


def test_the_text_of_a_config_is_never_shown() -> None:
    assert "hunter2" not in repr(SentCommand(1, Build("gateway.yaml", "secret: hunter2")))


async def nothing(_: Command) -> Reply:
    return Reply()


class Worker:
    """Replies to `Drain` when `may_drain` is set, to `Discard` never, and to everything else at once."""

    def __init__(self) -> None:
        self.may_drain = asyncio.Event()

    async def execute(self, command: Command) -> Reply:
        if isinstance(command, Drain):
            await self.may_drain.wait()
            return Reply(fault="drained")
        if isinstance(command, Discard):
            await asyncio.Event().wait()
        return Reply(fault=type(command).__name__)


@asynccontextmanager
async def both(worker: Worker) -> AsyncIterator[tuple[ControlChannel, ControlChannel]]:
    ours, theirs = socket.socketpair()
    one, other = await open_channel(ours), await open_channel(theirs)
    tasks = TaskKeeper()
    tasks.start(one.listen(nothing), "supervisor")
    tasks.start(other.listen(worker.execute), "worker")
    yield one, other
    await one.close()
    await other.close()
    await tasks.aclose()


async def test_a_slow_command_does_not_hold_up_others() -> None:
    worker = Worker()
    async with both(worker) as (channel, _):
        slow = asyncio.gather(channel.request(Drain(1.0)))
        assert (await channel.request(Swap())).fault == "Swap"
        assert (await channel.request(Collect())).fault == "Collect"
        worker.may_drain.set()
        assert [reply.fault for reply in await slow] == ["drained"]


async def test_both_ends_may_send_commands() -> None:
    async with both(Worker()) as (_, other):
        assert await other.request(Swap()) == Reply()


async def test_a_pending_command_fails_when_the_other_end_closes() -> None:
    async with both(Worker()) as (channel, other):
        waiting = asyncio.gather(channel.request(Discard()))
        await channel.request(Swap())
        await other.close()
        with pytest.raises(ChannelClosedError):
            await waiting
        with pytest.raises(ChannelClosedError):
            await channel.request(Swap())


async def test_a_reply_that_nobody_waits_for_any_more_is_dropped() -> None:
    worker = Worker()
    async with both(worker) as (channel, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await channel.request(Drain(1.0))
        worker.may_drain.set()
        assert (await channel.request(Swap())).fault == "Swap"


async def test_a_message_of_impossible_length_ends_the_channel() -> None:
    ours, theirs = socket.socketpair()
    channel = await open_channel(ours)
    theirs.sendall(b"\xff" * 8)
    await asyncio.wait_for(channel.listen(nothing), 5.0)
    with pytest.raises(ChannelClosedError):
        await channel.request(Swap())
    await channel.close()
    theirs.close()
