from __future__ import annotations

import pytest

from gateway.http1.block_memory import NO_NAMES, BlockMemory, MemoryBudget, take_names
from gateway.model.errors import MalformedError

BLOCK = b"Host: a\r\nX: y\r\n\r\n"


def test_a_block_is_remembered_once_it_has_come_twice() -> None:
    memory = BlockMemory(MemoryBudget(10_000))
    first, second, third = (memory.read(BLOCK, 9) for _ in range(3))
    assert first is not second
    assert second is third


def test_a_remembered_block_has_no_more_fields_than_it_may() -> None:
    memory = BlockMemory(MemoryBudget(10_000))
    for _ in range(3):
        memory.read(BLOCK, 2)
    with pytest.raises(MalformedError):
        memory.read(BLOCK, 1)


def test_another_block_in_between_is_another_block() -> None:
    memory = BlockMemory(MemoryBudget(10_000))
    kept = [memory.read(BLOCK, 9) for _ in range(2)][1]
    assert memory.read(BLOCK.replace(b"y", b"z"), 9).headers.all(b"x") == [b"z"]
    assert memory.read(BLOCK, 9) is kept


def test_what_is_remembered_is_bounded_and_given_back() -> None:
    budget = MemoryBudget(5_000)
    one, other = BlockMemory(budget), BlockMemory(budget)
    for memory in (one, other):
        for _ in range(2):
            memory.read(BLOCK, 9)
    assert other.read(BLOCK, 9) is not other.read(BLOCK, 9)
    one.close()
    assert budget.left == 5_000
    assert other.read(BLOCK, 9) is other.read(BLOCK, 9)


def test_a_long_block_is_not_remembered() -> None:
    budget = MemoryBudget(10**6)
    memory = BlockMemory(budget)
    for _ in range(3):
        memory.read(b"X: " + b"y" * 5_000 + b"\r\n\r\n", 9)
    assert budget.left == 10**6


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
