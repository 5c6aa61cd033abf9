from gateway.model.revocation_target import Ended, EndedKind
from gateway.workers.control import Revoked
from gateway.workers.recent_revocations import Revocations

ONE, TWO = Ended(EndedKind.USER, "one"), Ended(EndedKind.SESSION, "two")


def test_what_was_ended_is_remembered_with_its_time_for_as_long_as_it_counts() -> None:
    now = [100.0]
    revocations = Revocations(lambda: now[0], 60.0)
    revocations.note(ONE)
    now[0] = 130.0
    revocations.note(TWO)
    assert revocations.recent() == (Revoked(ONE, 100.0), Revoked(TWO, 130.0))
    now[0] = 161.0
    assert revocations.recent() == (Revoked(TWO, 130.0),)
    revocations.life = 10.0
    assert revocations.recent() == ()


def test_memory_is_bounded_and_the_youngest_stay() -> None:
    revocations = Revocations(lambda: 0.0, 60.0)
    for number in range(10_001):
        revocations.note(Ended(EndedKind.USER, str(number)))
    recent = revocations.recent()
    assert (len(recent), recent[0].ended.id, recent[-1].ended.id) == (10_000, "1", "10000")
