from __future__ import annotations

import pytest

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import RevocationKind, RevocationTarget, Session
from gateway.sessions.cache_keys import KEY_BYTES, CacheKeys, RevocationKeys
from tests.support.fakes.sessions import found, key_session

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


FINGERPRINT = b"f" * 16


def test_a_session_carries_the_key_of_everything_that_can_end_it() -> None:
    keys = RevocationKeys([b"secret"])
    answer_keys = keys.of_answer(found(), [FINGERPRINT])
    for target in (
        RevocationTarget(RevocationKind.SESSION, "session-1"),
        RevocationTarget(RevocationKind.USER, "user-1"),
        RevocationTarget(RevocationKind.USER, "member-1"),
        RevocationTarget(RevocationKind.ORGANIZATION, "org-1"),
        RevocationTarget(RevocationKind.CREDENTIAL, FINGERPRINT.hex()),
    ):
        assert set(keys.of_target(target)) <= set(answer_keys)
    assert not set(keys.of_target(RevocationTarget(RevocationKind.USER, "user-2"))) & set(answer_keys)


def test_a_key_carries_its_own_and_its_members() -> None:
    keys = RevocationKeys([b"secret"])
    answer_keys = keys.of_answer(type(found())(key_session()), [FINGERPRINT])
    for target in (
        RevocationTarget(RevocationKind.API_KEY, "key-1"),
        RevocationTarget(RevocationKind.USER, "member-1"),
    ):
        assert set(keys.of_target(target)) <= set(answer_keys)


def test_an_id_of_one_kind_is_none_of_another() -> None:
    keys = RevocationKeys([b"secret"])
    assert keys.of_target(RevocationTarget(RevocationKind.USER, "1")) != keys.of_target(
        RevocationTarget(RevocationKind.ORGANIZATION, "1")
    )


def test_processes_meet_under_any_secret_that_they_share() -> None:
    target = RevocationTarget(RevocationKind.USER, "user-1")
    old, rotating, new = RevocationKeys([b"old"]), RevocationKeys([b"new", b"old"]), RevocationKeys([b"new"])
    assert set(old.of_target(target)) < set(rotating.of_target(target)) > set(new.of_target(target))
    assert not set(old.of_target(target)) & set(new.of_target(target))


def test_no_id_can_be_read_from_a_key() -> None:
    (key,) = RevocationKeys([b"secret"]).of_target(RevocationTarget(RevocationKind.USER, "user-1"))
    assert len(key) == KEY_BYTES
    assert b"user" not in key


@pytest.mark.parametrize("wrong", ["session-1", "abcd", ""])
def test_a_credential_is_named_by_its_fingerprint(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"hex|fingerprint"):
        RevocationKeys([b"secret"]).of_target(RevocationTarget(RevocationKind.CREDENTIAL, wrong))
