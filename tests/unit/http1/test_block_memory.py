from __future__ import annotations

import pytest

from gateway.http1.block_memory import NO_NAMES, BlockMemory, SharedBlocks, take_names
from gateway.model.errors import MalformedError

BLOCK = b"Host: a\r\nX: y\r\n\r\n"


def test_a_block_is_remembered_once_it_has_come_twice() -> None:
    memory: BlockMemory[object] = BlockMemory(SharedBlocks(100_000))
    first, second, third = (memory.read(BLOCK, 9) for _ in range(3))
    assert first is not second
    assert second is third


def test_a_remembered_block_has_no_more_fields_than_it_may() -> None:
    memory: BlockMemory[object] = BlockMemory(SharedBlocks(100_000))
    for _ in range(3):
        memory.read(BLOCK, 2)
    with pytest.raises(MalformedError):
        memory.read(BLOCK, 1)


def test_another_block_in_between_is_another_block() -> None:
    memory: BlockMemory[object] = BlockMemory(SharedBlocks(100_000))
    kept = [memory.read(BLOCK, 9) for _ in range(2)][1]
    assert memory.read(BLOCK.replace(b"y", b"z"), 9).headers.all(b"x") == [b"z"]
    assert memory.read(BLOCK, 9) is kept


def of(blocks: SharedBlocks[object], scope: str = "http 192.0.2.1") -> BlockMemory[object]:
    memory = BlockMemory(blocks)
    memory.scope = scope
    return memory


def test_connections_of_one_peer_share_their_blocks_and_nobody_elses() -> None:
    blocks: SharedBlocks[object] = SharedBlocks(100_000)
    one, same, other = of(blocks), of(blocks), of(blocks, "http 192.0.2.2")
    kept = [one.read(BLOCK, 9) for _ in range(2)][1]
    assert same.read(BLOCK, 9) is kept
    assert other.read(BLOCK, 9) is not kept
    assert of(blocks, "https 192.0.2.1").read(BLOCK, 9) is not kept


def test_callers_that_take_turns_on_a_connection_are_all_remembered() -> None:
    memory = of(SharedBlocks(100_000))
    turns = [BLOCK.replace(b"y", b"%d" % caller) for caller in range(3)]
    for _ in range(2):
        known = [memory.read(block, 9) for block in turns]
    assert all(memory.read(block, 9) is kept for block, kept in zip(turns, known, strict=True))


def test_what_is_remembered_is_bounded() -> None:
    blocks: SharedBlocks[object] = SharedBlocks(50_000)
    memory = of(blocks)
    for caller in range(100):
        for _ in range(2):
            memory.read(b"X: %d\r\n\r\n" % caller, 9)
        assert len(blocks) <= 12  # each costs some 4,200 bytes
    blocks.most = 0
    memory.read(BLOCK, 9)
    assert memory.read(BLOCK, 9) is not memory.read(BLOCK, 9)


def test_what_nobody_sends_is_forgotten_also_by_connections_that_had_it() -> None:
    blocks: SharedBlocks[object] = SharedBlocks(100_000)
    idle, busy = of(blocks), of(blocks)
    gone = [idle.read(BLOCK, 9) for _ in range(2)][1]
    used = BLOCK.replace(b"y", b"z")
    kept = [busy.read(used, 9) for _ in range(2)][1]
    for _ in range(3):
        blocks.turn()
        assert of(blocks).read(used, 9) is kept
    assert len(blocks) == 1
    assert idle.read(BLOCK, 9) is not gone


def test_a_long_block_is_not_remembered() -> None:
    blocks: SharedBlocks[object] = SharedBlocks(10**6)
    memory = of(blocks)
    for _ in range(3):
        memory.read(b"X: " + b"y" * 5_000 + b"\r\n\r\n", 9)
    assert not len(blocks)


@pytest.mark.parametrize(
    ("raw", "rest", "traceparent", "request_id"),
    [
        (b"\r\nHost: a\r\n\r\n", b"\r\nHost: a\r\n\r\n", (), ()),
        (b"\r\ntraceparent: t\r\nHost: a\r\n\r\n", b"\r\nHost: a\r\n\r\n", (b"t",), ()),
        (b"\r\nHost: a\r\nTRACEPARENT:\tt \r\n\r\n", b"\r\nHost: a\r\n\r\n", (b"t",), ()),
        (b"\r\nX-Request-ID: 1\r\nx-request-id: 2\r\nTraceparent: t\r\n\r\n", b"\r\n\r\n", (b"t",), (b"1", b"2")),
        (b"\r\nX-traceparent: t\r\n\r\n", b"\r\nX-traceparent: t\r\n\r\n", (), ()),
        (b"\r\nA: \r\n x-request-id: 1\r\n\r\n", b"\r\nA: \r\n x-request-id: 1\r\n\r\n", (), ()),
    ],
)
def test_names_are_taken_out(
    raw: bytes, rest: bytes, traceparent: tuple[bytes, ...], request_id: tuple[bytes, ...]
) -> None:
    kept, names, count = take_names(raw)
    assert (kept, names.traceparent, names.request_id) == (rest, traceparent, request_id)
    assert count == len(traceparent) + len(request_id)
    assert count or names is NO_NAMES


@pytest.mark.parametrize("value", [b"\x00", b"a\rb", b"a\nb", b"\x7f"])
def test_a_name_with_a_control_character_is_refused(value: bytes) -> None:
    with pytest.raises(MalformedError):
        take_names(b"\r\ntraceparent: " + value + b"\r\n\r\n")
