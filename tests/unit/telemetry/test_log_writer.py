from threading import Event

import pytest

from gateway.telemetry.log_writer import LogWriter

PATIENCE = 30.0


class Reader:
    """Takes what is written, or waits until it `may_take`; `missing` are the losses that it is told of."""

    def __init__(self, most: int = 10) -> None:
        self.taken: list[bytes] = []
        self.missing: list[int] = []
        self.told = Event()
        self.asked = Event()
        self.may_take = Event()
        self.may_take.set()
        self.fault: OSError | None = None
        self.writer = LogWriter(self.take, self.tell, most)

    def take(self, data: bytes) -> None:
        self.asked.set()
        assert self.may_take.wait(PATIENCE)
        if self.fault is not None:
            raise self.fault
        self.taken.append(data)

    def tell(self, lines: int) -> None:
        self.missing.append(lines)
        self.told.set()

    def stop(self) -> None:
        """Take no more; return when the writer waits for it."""
        self.may_take.clear()
        self.asked.clear()
        self.writer.put(b"held\n")
        assert self.asked.wait(PATIENCE)


def test_pieces_are_written_in_their_order() -> None:
    reader = Reader(most=1000)
    for number in range(100):
        reader.writer.put(b"%d\n" % number)
    assert reader.writer.finish(PATIENCE)
    assert reader.taken == [b"%d\n" % number for number in range(100)]


def test_beyond_the_bound_a_piece_is_refused_and_what_waits_is_written_later() -> None:
    reader = Reader()
    reader.stop()
    reader.writer.put(b"a\nb\n")
    with pytest.raises(BlockingIOError):
        reader.writer.put(b"c\nd\n")
    reader.may_take.set()
    assert reader.told.wait(PATIENCE)
    assert reader.writer.finish(PATIENCE)
    assert (reader.taken, reader.missing) == ([b"held\n", b"a\nb\n"], [2])


def test_one_piece_may_be_longer_than_the_bound() -> None:
    reader = Reader(most=1)
    reader.writer.put(b"longer\n")
    assert reader.writer.finish(PATIENCE)
    assert reader.taken == [b"longer\n"]


def test_what_cannot_be_written_is_counted_and_told_when_it_can_again() -> None:
    reader = Reader()
    reader.fault = BrokenPipeError()
    reader.writer.put(b"a\nb\n")
    assert reader.writer.finish(PATIENCE)
    assert (reader.writer.lost, reader.missing) == (2, [])
    reader.fault = None
    reader.writer.put(b"c\n")
    assert reader.told.wait(PATIENCE)
    assert (reader.taken, reader.missing, reader.writer.lost) == ([b"c\n"], [2], 2)
    assert reader.writer.finish(PATIENCE)


def test_a_reader_that_has_stopped_is_not_waited_for_at_the_end() -> None:
    reader = Reader()
    reader.stop()
    assert not reader.writer.finish(0.0)
    reader.may_take.set()
    assert reader.writer.finish(PATIENCE)


def test_lines_may_follow_the_end() -> None:
    reader = Reader()
    reader.writer.put(b"a\n")
    assert reader.writer.finish(PATIENCE)
    reader.writer.put(b"b\n")
    assert reader.writer.finish(PATIENCE)
    assert reader.taken == [b"a\n", b"b\n"]
