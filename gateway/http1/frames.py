"""Where one WebSocket frame ends and the next begins: all that a tunnel needs to know of what it carries."""

from __future__ import annotations

_LENGTH_16, _LENGTH_64 = 126, 127  # RFC 6455 section 5.2
_MASKED = 0x80
_CLOSE = 0x88  # FIN and opcode 8


class FrameTracker:
    """Follows one direction of a WebSocket. Payloads are skipped, never held."""

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    @property
    def at_boundary(self) -> bool:
        """Tell whether the next byte begins a frame, so that a control frame may be put in (RFC 6455 section 5.4)."""
        return not self._left and not self._head

    def advance(self, data: bytes, *, to_boundary: bool = False) -> int:
        """Go over `data`, or over as much of it as ends the current frame; return how many bytes that was."""
        position, size = 0, len(data)
        while position < size:
            if self._left:
                step = min(self._left, size - position)
                self._left -= step
                position += step
            else:
                position += self._read_head(data, position)
            if to_boundary and self.at_boundary:
                break
        return position

    def _read_head(self, data: bytes, position: int) -> int:
        """Take what is there of a frame's head; return how many bytes that was."""
        taken = 0
        while True:
            missing = _head_size(self._head) - len(self._head)
            if not missing:
                self._left = _payload_size(self._head)
                self._head = b""
                return taken
            piece = data[position + taken : position + taken + missing]
            if not piece:
                return taken
            self._head += piece
            taken += len(piece)


def close_frame(code: int) -> bytes:
    """Return a server's close frame (RFC 6455 section 5.5.1)."""
    return bytes((_CLOSE, 2)) + code.to_bytes(2, "big")


def _head_size(head: bytes) -> int:
    """Return how long a frame's head is, as far as its first bytes tell."""
    if len(head) < 2:  # noqa: PLR2004 - the two bytes that every head has
        return 2
    length = head[1] & ~_MASKED
    extended = {_LENGTH_16: 2, _LENGTH_64: 8}.get(length, 0)
    return 2 + extended + (4 if head[1] & _MASKED else 0)


def _payload_size(head: bytes) -> int:
    length = head[1] & ~_MASKED
    if length == _LENGTH_16:
        return int.from_bytes(head[2:4], "big")
    if length == _LENGTH_64:
        return int.from_bytes(head[2:10], "big")
    return length
