import os

from gateway.telemetry.lines import LineBuffer, write_to


def test_lines_are_written_together_and_in_order() -> None:
    writes: list[bytes] = []
    lines = LineBuffer(writes.append)
    lines.hold(b"a\n")
    lines.hold(b"b\n")
    assert writes == []
    lines.put(b"c\n")
    assert writes == [b"a\nb\nc\n"]


def test_only_the_first_held_line_asks_for_a_flush() -> None:
    lines = LineBuffer(lambda _: None)
    assert [lines.hold(b"a\n"), lines.hold(b"b\n")] == [True, False]
    lines.flush()
    assert lines.hold(b"c\n")


def test_a_full_buffer_is_written_without_waiting_for_the_timer() -> None:
    writes: list[bytes] = []
    lines = LineBuffer(writes.append, held_bytes=6)
    assert lines.hold(b"aa\n")
    assert not lines.hold(b"bb\n")
    assert writes == [b"aa\nbb\n"]


def test_nothing_is_written_when_nothing_is_held() -> None:
    writes: list[bytes] = []
    LineBuffer(writes.append).flush()
    assert writes == []


def test_a_reader_that_has_gone_fails_nobody_and_its_lines_are_counted() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as stream:
        lines = LineBuffer(write_to(stream))
        lines.put(b"heard\n")
        assert os.read(reading, 100) == b"heard\n"
        os.close(reading)
        lines.hold(b"a\n")
        lines.put(b"b\n")
        assert lines.lost == 2
    lines.put(b"after the stream was closed\n")
    assert lines.lost == 3
