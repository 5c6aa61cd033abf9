from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http1.frames import FrameTracker, close_frame


def frame(size: int, *, masked: bool) -> bytes:
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes((0x82, mask | size))
    elif size < 65536:
        head = bytes((0x82, mask | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x82, mask | 127)) + size.to_bytes(8, "big")
    return head + (b"mask" if masked else b"") + bytes(size)


@given(
    frames=st.lists(
        st.tuples(st.sampled_from([0, 1, 125, 126, 300, 65535, 65536]), st.booleans()), min_size=1, max_size=4
    ),
    cuts=st.lists(st.integers(1, 5000), max_size=30),
)
def test_boundaries_are_found_however_the_bytes_are_cut(frames: list[tuple[int, bool]], cuts: list[int]) -> None:
    data = b"".join(frame(size, masked=masked) for size, masked in frames)
    boundaries = {0}
    for size, masked in frames:
        boundaries.add(max(boundaries) + len(frame(size, masked=masked)))
    tracker, position = FrameTracker(), 0
    for cut in [*cuts, len(data)]:
        piece = data[position : position + cut]
        assert tracker.advance(piece) == len(piece)
        position += len(piece)
        assert tracker.at_boundary == (position in boundaries)


def test_it_can_stop_at_the_end_of_the_frame() -> None:
    tracker = FrameTracker()
    tracker.advance(b"\x82\x05ab")
    assert tracker.advance(b"cde\x82\x01f", to_boundary=True) == 3
    assert tracker.at_boundary


@pytest.mark.parametrize(("code", "frame_bytes"), [(1001, b"\x88\x02\x03\xe9"), (1008, b"\x88\x02\x03\xf0")])
def test_a_close_frame_tells_its_code(code: int, frame_bytes: bytes) -> None:
    assert close_frame(code) == frame_bytes
