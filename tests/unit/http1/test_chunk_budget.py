from __future__ import annotations

from gateway.http1.chunk_budget import ChunkBudget


def test_framing_is_bounded_and_data_excuses_some_of_it() -> None:
    budget = ChunkBudget(100)
    assert budget.covers(100, 0)
    assert budget.covers(19, 1)
    assert not budget.covers(1, 0)


def test_data_is_not_credited_in_advance() -> None:
    budget = ChunkBudget(100)
    assert budget.covers(5000, 5000)
    assert budget.covers(100, 0)
    assert not budget.covers(1, 0)


def test_the_least_honest_chunk_pays_for_itself() -> None:
    budget = ChunkBudget(100)
    assert all(budget.covers(6, 1) for _ in range(1000))
