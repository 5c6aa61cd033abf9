from __future__ import annotations

import math

import msgspec
import pytest

from gateway.model.answers import Found
from gateway.sessions.cache_entry import CacheEntry, decode, encode, ends_at
from tests.support.fakes.sessions import NOW, found, key_session, session


@pytest.mark.parametrize("answer", [found(), found(issued_at=NOW, expires_at=NOW + 5), Found(key_session())])
def test_an_answer_comes_back_whole(answer: Found) -> None:
    kept = CacheEntry(encode(answer), "accounts", [b"a" * 16, b"b" * 16], NOW, 0)
    assert kept.found() == answer
    assert kept.handles == (b"a" * 16, b"b" * 16)
    assert kept.authority == "accounts"


def test_what_another_version_wrote_is_an_error_and_no_session() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(msgspec.msgpack.encode({"subject": 1}))


@pytest.mark.parametrize(
    ("token", "own", "expected"),
    [(None, None, math.inf), (5.0, None, 5.0), (None, 7.0, 7.0), (5.0, 7.0, 5.0), (9.0, 7.0, 7.0)],
)
def test_the_earlier_of_token_and_session_ends_it(token: float | None, own: float | None, expected: float) -> None:
    token_times = found(expires_at=None if token is None else NOW + token)
    answer = Found(session(expires_at=None if own is None else NOW + own), None, token_times.expires_at)
    assert ends_at(answer) - NOW == expected
