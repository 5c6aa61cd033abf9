from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.hashing import Peppers, imported_hash, login_token_hash, visible_prefix


def test_a_hash_names_its_pepper_and_shows_neither_it_nor_the_key() -> None:
    stored = Peppers([b"pepper"]).hash("sk_live_abc123xyz456")
    version, pepper, digest = stored.split(":")
    assert (version, len(pepper), len(digest)) == ("b1", 8, 64)
    assert stored == Peppers([b"pepper"]).hash("sk_live_abc123xyz456")
    assert stored.startswith(Peppers([b"pepper"]).hash("another key")[:12])
    assert "sk_live" not in stored


def test_another_pepper_is_another_hash_under_another_name() -> None:
    one, two = Peppers([b"one"]).hash("key"), Peppers([b"two"]).hash("key")
    assert [one_part == two_part for one_part, two_part in zip(one.split(":"), two.split(":"), strict=True)] == [
        True,
        False,
        False,
    ]


def test_the_first_pepper_writes_and_all_read() -> None:
    rotating = Peppers([b"new", b"old"])
    assert rotating.hash("key") == Peppers([b"new"]).hash("key")
    assert rotating.every("key") == (Peppers([b"new"]).hash("key"), Peppers([b"old"]).hash("key"))


def test_imported_hashes_are_looked_for_behind_the_peppered_ones() -> None:
    digest = sha256(b"key").hexdigest()
    peppers = Peppers([b"pepper"], imported=("old", "older"))
    stored = (Peppers([b"pepper"]).hash("key"), f"sha256:old:{digest}", f"sha256:older:{digest}")
    assert peppers.every("key") == stored
    assert peppers.hash("key") == stored[0]
    assert imported_hash("old", digest.upper()) == stored[1]


def test_without_a_pepper_nothing_is_hashed() -> None:
    with pytest.raises(ValueError, match="at least one pepper"):
        Peppers([])


def test_a_pepper_may_be_of_any_length() -> None:
    long = Peppers([b"x" * 1000])
    assert long.hash("key") != Peppers([b"x" * 999]).hash("key")


@pytest.mark.slow
@given(st.text(max_size=40), st.text(max_size=40))
def test_two_keys_never_share_a_hash(one: str, other: str) -> None:
    peppers = Peppers([b"pepper"])
    assert (peppers.hash(one) == peppers.hash(other)) == (one == other)


@pytest.mark.parametrize(
    ("key", "prefix"),
    [("sk_live_abc123xyz456", "sk_liv"), ("sk_live_" + "a" * 43, "sk_live_aaaa"), ("short", "s"), ("", "")],
)
def test_at_most_a_third_of_a_key_is_shown(key: str, prefix: str) -> None:
    assert visible_prefix(key) == prefix


def test_login_tokens_keep_rocket_chats_documented_hash() -> None:
    assert login_token_hash("rc-token") == "piYg9QPSNLwocBnkw1+TJCCzyuGqpZtNyVNSObu4Nt8="
