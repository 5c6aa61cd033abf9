from __future__ import annotations

import math

import msgspec
import pytest

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import RevocationKind, RevocationTarget, Session
from gateway.sessions.cache_entry import CacheEntry, CacheKeys, CacheTimes, decode, encode, ends_at
from gateway.sessions.revocation import RevocationKeys
from tests.support.fakes.sessions import NOW, found, key_session, session


@pytest.mark.parametrize("answer", [found(), found(issued_at=NOW, expires_at=NOW + 5), Found(key_session())])
def test_an_answer_comes_back_whole(answer: Found) -> None:
    entry = CacheEntry(encode(answer), "accounts", [b"a" * 16, b"b" * 16], NOW, math.inf, 0)
    assert entry.found() == answer
    assert entry.revocation_keys == (b"a" * 16, b"b" * 16)
    assert entry.authority == "accounts"


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


def test_nothing_cached_outlives_what_is_remembered_of_changes() -> None:
    for times in (CacheTimes(), CacheTimes(stale=0.0), CacheTimes(fresh=0.0, stale=0.0)):
        assert times.changed > times.longest >= 2 * times.fresh
        assert times.longest >= times.stale


def test_jitter_only_shortens() -> None:
    assert CacheTimes(fresh=60.0, jitter=0.1).surely_fresh == 54.0
    assert CacheTimes(fresh=60.0, jitter=0.0).surely_fresh == 60.0


SECRETS = (b"new", b"old")
FINGERPRINTER = Fingerprinter(SECRETS, "key", "user", [b"digest"])
KEYS = CacheKeys(RevocationKeys(SECRETS), {"key": FINGERPRINTER})
CREDENTIAL = Credential("key", CredentialKind.API_KEY, "user", ("k",), FINGERPRINTER(("k",)))


def test_an_answer_is_named_under_every_secret_and_first_under_the_one_in_use() -> None:
    assert len(KEYS.fingerprints(CREDENTIAL)) == len(SECRETS)
    assert KEYS.fingerprints(CREDENTIAL)[0] == CREDENTIAL.fingerprint


def test_an_answer_is_ended_with_its_credential_and_with_its_session() -> None:
    keys = KEYS.revocation_keys.of_answer(Found(Session(id="s", subject="u")), KEYS.fingerprints(CREDENTIAL))
    assert {
        *KEYS.fingerprints(CREDENTIAL),
        *KEYS.revocation_keys.of_target(RevocationTarget(RevocationKind.SESSION, "s")),
    } == set(keys)
