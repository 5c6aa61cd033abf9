from __future__ import annotations

import pytest

from gateway.sessions.bus_signature import BusSignature

BODY = b"a revocation"


@pytest.mark.parametrize(
    ("signs", "hears"),
    [([b"one"], [b"one"]), ([b"old"], [b"old", b"new"]), ([b"new", b"old"], [b"old"]), ([b"new", b"old"], [b"new"])],
    ids=["alone", "learn", "switch", "forget"],
)
def test_whoever_shares_a_secret_is_heard(signs: list[bytes], hears: list[bytes]) -> None:
    assert BusSignature(hears).opened(BusSignature(signs).sign(BODY)) == BODY


def test_nobody_else_is_heard() -> None:
    signature = BusSignature([b"secret"])
    payload = signature.sign(BODY)
    assert BusSignature([b"another"]).opened(payload) is None
    for place in range(len(payload)):
        assert signature.opened(payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]) is None
        assert signature.opened(payload[:place]) is None


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff", b"\x00" + BODY, b"\xff" + BODY, b"garbage" * 100])
def test_garbage_is_nobodys(payload: bytes) -> None:
    assert BusSignature([b"secret"]).opened(payload) is None


def test_a_message_is_bounded_before_it_is_looked_at() -> None:
    signature = BusSignature([b"secret"])
    assert signature.opened(signature.sign(bytes(4000))) == bytes(4000)
    assert signature.opened(signature.sign(bytes(5000))) is None
