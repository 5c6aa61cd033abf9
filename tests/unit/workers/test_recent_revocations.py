from gateway.model.session import RevocationKind, RevocationTarget
from gateway.workers.control import RecordedRevocation
from gateway.workers.recent_revocations import RecentRevocations

ONE, TWO = RevocationTarget(RevocationKind.USER, "one"), RevocationTarget(RevocationKind.SESSION, "two")


def test_what_was_ended_is_remembered_with_its_time_for_as_long_as_it_counts() -> None:
    now = [100.0]
    revocations = RecentRevocations(lambda: now[0], 60.0)
    revocations.note(ONE)
    now[0] = 130.0
    revocations.note(TWO)
    assert revocations.recent() == (RecordedRevocation(ONE, 100.0), RecordedRevocation(TWO, 130.0))
    now[0] = 161.0
    assert revocations.recent() == (RecordedRevocation(TWO, 130.0),)
    revocations.life = 10.0
    assert revocations.recent() == ()


def test_memory_is_bounded_and_the_youngest_stay() -> None:
    revocations = RecentRevocations(lambda: 0.0, 60.0)
    for number in range(10_001):
        revocations.note(RevocationTarget(RevocationKind.USER, str(number)))
    recent = revocations.recent()
    assert (len(recent), recent[0].ended.id, recent[-1].ended.id) == (10_000, "1", "10000")
