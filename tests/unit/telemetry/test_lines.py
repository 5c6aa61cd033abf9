import os
from threading import Thread

import pytest

from gateway.telemetry.lines import LineBuffer, Timestamps, write_to


def test_lines_are_written_together_and_in_order() -> None:
    writes: list[bytes] = []
    lines = LineBuffer(writes.append)
    lines.append(b"a\n")
    lines.append(b"b\n")
    assert writes == []
    lines.write_now(b"c\n")
    assert writes == [b"a\nb\nc\n"]


def test_only_the_first_held_line_asks_for_a_flush() -> None:
    lines = LineBuffer(lambda _: None)
    assert [lines.append(b"a\n"), lines.append(b"b\n")] == [True, False]
    lines.flush()
    assert lines.append(b"c\n")


def test_a_full_buffer_is_written_without_waiting_for_the_timer() -> None:
    writes: list[bytes] = []
    lines = LineBuffer(writes.append, buffer_bytes=6)
    assert lines.append(b"aa\n")
    assert not lines.append(b"bb\n")
    assert writes == [b"aa\nbb\n"]


def test_nothing_is_written_when_nothing_is_held() -> None:
    writes: list[bytes] = []
    LineBuffer(writes.append).flush()
    assert writes == []


def test_a_reader_that_has_gone_fails_nobody_and_its_lines_are_counted() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        lines = LineBuffer(write_to(stream))
        lines.write_now(b"heard\n")
        assert os.read(reading, 100) == b"heard\n"
        os.close(reading)
        lines.append(b"a\n")
        lines.write_now(b"b\n")
        assert lines.lost == 2
    lines.write_now(b"after the pipe was closed\n")
    assert lines.lost == 3


def test_a_slow_reader_gets_every_byte() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    text = b"x" * 1_000_000 + b"\n"
    received = b""
    with os.fdopen(writing, "wb") as stream:
        lines = LineBuffer(write_to(stream))
        writer = Thread(target=lines.write_now, args=(text,))
        writer.start()
        while len(received) < len(text):
            received += os.read(reading, 65536)
        writer.join()
    os.close(reading)
    assert received == text
    assert lines.lost == 0


def test_threads_lose_none_of_each_others_lines() -> None:
    writes: list[bytes] = []
    lines = LineBuffer(writes.append, buffer_bytes=50)

    def write(name: bytes) -> None:
        for number in range(2000):
            (lines.append if number % 3 else lines.write_now)(b"%b%d\n" % (name, number))

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


def test_what_others_may_write_to_as_well_goes_out_in_portions_of_whole_lines() -> None:
    reading, writing = os.pipe()
    written: list[bytes] = []
    with os.fdopen(writing, "wb") as stream, os.fdopen(reading, "rb", buffering=0) as out:
        lines = [b"%03d%b\n" % (number, b"x" * 996) for number in range(20)] + [b"y" * 5000 + b"\n", b"z\n"]
        write = write_to(stream)
        reader = Thread(target=lambda: written.append(out.read(len(b"".join(lines)))))
        portions: list[int] = []
        real = os.write

        def recording_write(descriptor: int, data: bytes) -> int:
            portions.append(len(data))
            return real(descriptor, data)

        reader.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", recording_write)
            write(b"".join(lines))
        stream.close()
        reader.join(5.0)
    assert portions == [4000] * 5 + [5001, 2]


@pytest.mark.parametrize(
    ("instant", "stamp"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_769_860_800.25, "2026-01-31T12:00:00.250Z"),
        (1_769_860_800.9999, "2026-01-31T12:00:00.999Z"),
        (951_782_399.5, "2000-02-28T23:59:59.500Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_milliseconds(instant: float, stamp: str) -> None:
    assert Timestamps(lambda: instant)() == stamp


def test_each_second_is_written_anew() -> None:
    instants = iter([59.5, 59.75, 60.0, 59.0])
    stamps = Timestamps(lambda: next(instants))
    assert [stamps()[14:] for _ in range(4)] == ["00:59.500Z", "00:59.750Z", "01:00.000Z", "00:59.000Z"]
