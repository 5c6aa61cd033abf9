from __future__ import annotations

import pytest

from gateway.http1.block_faults import fault_of_block


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        (b" X: y\r\n\r\n", "a field line is folded"),
        (b"A: b\r\n\tc\r\n\r\n", "a field line is folded"),
        (b"nothing\r\n\r\n", "a field line has no colon"),
        (b": b\r\n\r\n", "a field has no name"),
        (b"A : b\r\n\r\n", "a field name holds a blank"),
        (b"A\xff: b\r\n\r\n", "a field name holds a character that none may hold"),
        (b"A: b\x01\r\n\r\n", "a field value holds a control character"),
        (b"A: b\nC: d\r\n\r\n", "a field value holds a control character"),
        (b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "more than one content-length field"),
        (b"content-length: 1 \r\nTransfer-Encoding: chunked\r\n\r\n", "a length beside a transfer coding"),
        (b"Content-Length: 1, 1\r\n\r\n", "a length that is no number"),
        (b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", "a length that is no number"),
        (b"Transfer-Encoding: x\r\n\r\n", "a transfer coding that is not chunked alone"),
        (b"A: b\r\n\r\n", "the header block cannot be read"),
        (b"\r\n", "the header block cannot be read"),
        (b"", "the header block cannot be read"),
    ],
)
def test_the_first_fault_is_told_in_fixed_words(block: bytes, fault: str) -> None:
    assert fault_of_block(block) == fault
