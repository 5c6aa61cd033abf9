"""How old a sealed answer is, by two clocks of which the older counts."""

from __future__ import annotations

import pytest

from gateway.model.answers import Reason, Rejected
from gateway.sessions.sealed_answers import SealedAnswers
from gateway.sessions.sealing import ANSWER, REJECTION, Sealer
from gateway.sessions.shared_tier import SharedEntry, SharedRejection
from tests.support.fakes.sessions import NOW, Clock, found

FINGERPRINT = b"f" * 16


def sealed_answers(clock: Clock, fingerprint: bytes = FINGERPRINT) -> SealedAnswers:
    return SealedAnswers(Sealer([b"secret"]), ("t",), (fingerprint,), clock)


@pytest.mark.parametrize(
    ("passed", "remaining", "age"),
    [(0.0, 60.0, 1.0), (10.0, 50.0, 11.0), (10.0, 60.0, 11.0), (0.0, 50.0, 11.0), (-3.0, 50.0, 11.0)],
    ids=["at once", "both", "the countdown was set anew", "only the countdown", "a clock that is slow"],
)
def test_the_older_of_two_ages_counts(passed: float, remaining: float, age: float) -> None:
    clock = Clock()
    answers = sealed_answers(clock)
    value = answers.seal_entry(SharedEntry(found(), "accounts", 1.0), 60.0)
    clock.advance(passed)
    entry = answers.open_entry(0, value, int(remaining * 1000))
    assert entry is not None
    assert (entry.found, entry.authority, entry.age) == (found(), "accounts", pytest.approx(age))


@pytest.mark.parametrize(("ahead", "opens"), [(4.0, True), (6.0, False)])
def test_a_clock_that_is_far_ahead_seals_nothing_for_others(ahead: float, opens: bool) -> None:
    value = sealed_answers(Clock(NOW + ahead)).seal_entry(SharedEntry(found(), "accounts", 0.0), 60.0)
    assert (sealed_answers(Clock()).open_entry(0, value, 60_000) is not None) is opens


@pytest.mark.parametrize(("remaining", "expires_at"), [(-1, None), (-2, None), (60_000, NOW)])
def test_an_answer_without_an_end_or_past_its_own_does_not_open(remaining: int, expires_at: float | None) -> None:
    answers = sealed_answers(Clock())
    value = answers.seal_entry(SharedEntry(found(expires_at=expires_at), "accounts", 0.0), 60.0)
    assert answers.open_entry(0, value, remaining) is None


@pytest.mark.parametrize(("passed", "opens"), [(0.0, True), (6.9, True), (7.1, False), (-4.0, True), (-6.0, False)])
def test_a_rejection_counts_for_as_long_as_a_claim_lives(passed: float, opens: bool) -> None:
    clock = Clock()
    answers = sealed_answers(clock)
    value = answers.seal_rejection(Rejected(Reason.EXPIRED), "accounts")
    clock.advance(passed)
    opened = answers.open_rejection(value, 2.0)
    assert opened == (SharedRejection(Rejected(Reason.EXPIRED), "accounts", max(0.0, opened.age)) if opened else None)
    assert (opened is not None) is opens


def test_what_opens_and_cannot_be_read_is_nothing() -> None:
    answers, sealer = sealed_answers(Clock()), Sealer([b"secret"])
    for form in (ANSWER, REJECTION):
        value = sealer.seal(("t",), FINGERPRINT, b"\x91" * 100_000, form)
        assert answers.open_entry(0, value, 60_000) is None
        assert answers.open_rejection(value, 2.0) is None


def test_a_claim_alone_says_nothing() -> None:
    assert sealed_answers(Clock()).open_rejection(b"1", 2.0) is None
