import os
from threading import Thread

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
    with os.fdopen(writing, "wb") as stream:
        lines = LineBuffer(write_to(stream))
        lines.put(b"heard\n")
        assert os.read(reading, 100) == b"heard\n"
        os.close(reading)
        lines.hold(b"a\n")
        lines.put(b"b\n")
        assert lines.lost == 2
    lines.put(b"after the pipe was closed\n")
    assert lines.lost == 3


def test_a_slow_reader_gets_every_byte() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    text = b"x" * 1_000_000 + b"\n"
    received = b""
    with os.fdopen(writing, "wb") as stream:
        lines = LineBuffer(write_to(stream))
        writer = Thread(target=lines.put, args=(text,))
        writer.start()
        while len(received) < len(text):
            received += os.read(reading, 65536)
        writer.join()
    os.close(reading)
    assert received == text
    assert lines.lost == 0


def test_threads_lose_none_of_each_others_lines() -> None:
    writes: list[bytes] = []
    lines = LineBuffer(writes.append, held_bytes=50)

    def write(name: bytes) -> None:
        for number in range(2000):
            (lines.hold if number % 3 else lines.put)(b"%b%d\n" % (name, number))

    threads = [Thread(target=write, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.flush()
    written = b"".join(writes).splitlines()
    assert len(written) == 6000
    own = [line for line in written if line.startswith(b"b")]
    assert own == [b"b%d" % number for number in range(2000)]
