from __future__ import annotations

import pytest

from gateway.sessions.sealing import ANSWER, REJECTION, Sealer

PARTS = ("sk_live_abc123",)
FINGERPRINT = b"f" * 16
PLAIN = b"whose session it is"


def test_who_has_secret_and_credential_reads_it() -> None:
    sealed = Sealer([b"secret"]).seal(PARTS, FINGERPRINT, PLAIN, ANSWER)
    assert Sealer([b"secret"]).open(0, PARTS, FINGERPRINT, sealed, ANSWER) == PLAIN
    assert PLAIN not in sealed


@pytest.mark.parametrize(
    ("secret", "parts", "fingerprint"),
    [
        (b"another", PARTS, FINGERPRINT),
        (b"secret", ("sk_live_xyz",), FINGERPRINT),
        (b"secret", ("sk_live_", "abc123"), FINGERPRINT),
        (b"secret", PARTS, b"g" * 16),
    ],
    ids=["another server", "another credential", "the same characters, parted otherwise", "moved to another key"],
)
def test_nobody_else_does(secret: bytes, parts: tuple[str, ...], fingerprint: bytes) -> None:
    sealed = Sealer([b"secret"]).seal(PARTS, FINGERPRINT, PLAIN, ANSWER)
    assert Sealer([secret]).open(0, parts, fingerprint, sealed, ANSWER) is None


def test_a_changed_byte_anywhere_is_noticed() -> None:
    sealer = Sealer([b"secret"])
    sealed = sealer.seal(PARTS, FINGERPRINT, PLAIN, ANSWER)
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        assert sealer.open(0, PARTS, FINGERPRINT, bytes(broken), ANSWER) is None


@pytest.mark.parametrize("garbage", [b"", b"\x01", b"\x01" + b"n" * 12, b"hello", b"\x02" + b"x" * 60])
def test_garbage_is_no_session(garbage: bytes) -> None:
    assert Sealer([b"secret"]).open(0, PARTS, FINGERPRINT, garbage, ANSWER) is None


def test_the_first_secret_seals_and_each_opens_its_own() -> None:
    old = Sealer([b"old"]).seal(PARTS, FINGERPRINT, PLAIN, ANSWER)
    rotating = Sealer([b"new", b"old"])
    assert rotating.open(1, PARTS, FINGERPRINT, old, ANSWER) == PLAIN
    assert rotating.open(0, PARTS, FINGERPRINT, old, ANSWER) is None
    assert (
        Sealer([b"new"]).open(0, PARTS, FINGERPRINT, rotating.seal(PARTS, FINGERPRINT, PLAIN, ANSWER), ANSWER) == PLAIN
    )


def test_nothing_is_sealed_alike_twice() -> None:
    sealer = Sealer([b"secret"])
    assert sealer.seal(PARTS, FINGERPRINT, PLAIN, ANSWER) != sealer.seal(PARTS, FINGERPRINT, PLAIN, ANSWER)


def test_a_value_opens_as_what_it_was_sealed_as_alone() -> None:
    sealer = Sealer([b"secret"])
    sealed = sealer.seal(PARTS, FINGERPRINT, PLAIN, ANSWER)
    for moved in (sealed, REJECTION + sealed[1:]):
        assert sealer.open(0, PARTS, FINGERPRINT, moved, REJECTION) is None
