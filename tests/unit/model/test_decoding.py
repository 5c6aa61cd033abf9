from typing import Any

import msgspec
import pytest

from gateway.model.decoding import UNDECODABLE

DEEP = 100_000


class Wanted(msgspec.Struct):
    text: str = ""


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b'{"text": "\xff"}', b'{"text": 1}', b"[]", b'{"text": "\\ud800"}', b'{"other": ' + b"[" * DEEP],
)
def test_json_that_cannot_be_read_raises_nothing_else(body: bytes) -> None:
    with pytest.raises(UNDECODABLE):
        msgspec.json.decode(body, type=Wanted)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", Wanted),
        (b"\xc1", Wanted),
        (b"\x81\xa4text\xa1\xff", Wanted),
        (b"\x81\xa4text\x01", Wanted),
        (b"\x91" * DEEP, Any),
        (b"\x81\xa5other" + b"\x91" * DEEP, Wanted),
    ],
)
def test_msgpack_that_cannot_be_read_raises_nothing_else(body: bytes, wanted: Any) -> None:
    with pytest.raises(UNDECODABLE):
        msgspec.msgpack.decode(body, type=wanted)
