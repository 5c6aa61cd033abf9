from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials.fingerprint import FINGERPRINT_BYTES, Fingerprinter, framed, purpose_key

DIGESTS = (b"digest-1",)


def fingerprinter(
    secrets: tuple[bytes, ...] = (b"secret",),
    reader: str = "token",
    key_type: str = "",
    digests: tuple[bytes, ...] = DIGESTS,
) -> Fingerprinter:
    return Fingerprinter(secrets, reader, key_type, digests)


@given(st.lists(st.text(st.characters()), max_size=4), st.lists(st.text(st.characters()), max_size=4))
def test_framing_is_one_to_one(some: list[str], others: list[str]) -> None:
    assert (framed(some) == framed(others)) == (some == others)


def test_characters_do_not_wander_between_parts() -> None:
    make = fingerprinter()
    assert make(("a", "bc")) != make(("ab", "c"))
    assert make(("a",)) != make(("a", ""))


@pytest.mark.parametrize(
    "other",
    [
        fingerprinter(reader="cookie"),
        fingerprinter(key_type="user"),
        fingerprinter(digests=(b"digest-2",)),
        fingerprinter(digests=(b"digest-1", b"digest-2")),
        fingerprinter(secrets=(b"another",)),
        fingerprinter(reader="toke", key_type="n"),
    ],
    ids=["reader", "key type", "authority", "one authority more", "secret", "where the reader's name ends"],
)
def test_the_same_secret_shown_elsewhere_is_another_credential(other: Fingerprinter) -> None:
    assert fingerprinter()(("secret-token",)) != other(("secret-token",))


def test_it_is_the_same_in_every_process() -> None:
    assert fingerprinter()(("token",)) == fingerprinter()(("token",))
    assert len(fingerprinter()(("token",))) == FINGERPRINT_BYTES


def test_the_first_secret_writes_and_all_read() -> None:
    rotating = fingerprinter((b"new", b"old"))
    before, after = fingerprinter((b"old",)), fingerprinter((b"new",))
    assert rotating(("token",)) == after(("token",))
    assert rotating.every(("token",)) == (after(("token",)), before(("token",)))


def test_what_a_lenient_decoder_let_through_is_named_as_well() -> None:
    make = fingerprinter()
    assert make(("\udcff",)) != make(("\udcfe",))


def test_a_key_for_one_purpose_is_none_for_another() -> None:
    assert purpose_key(b"secret", b"one") != purpose_key(b"secret", b"two")
    assert len(purpose_key(b"s" * 1000, b"one")) == 32
