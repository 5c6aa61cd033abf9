from __future__ import annotations

import pytest

from gateway.model.revocation_target import RevocationKind, RevocationTarget
from gateway.sessions.revocation_keys import KEY_BYTES, RevocationKeys
from tests.support.fakes.sessions import found, key_session

FINGERPRINT = b"f" * 16


def test_a_session_carries_the_handle_of_everything_that_can_end_it() -> None:
    handles = RevocationKeys([b"secret"])
    carried = handles.carried_by(found(), [FINGERPRINT])
    for ended in (
        RevocationTarget(RevocationKind.SESSION, "session-1"),
        RevocationTarget(RevocationKind.USER, "user-1"),
        RevocationTarget(RevocationKind.USER, "member-1"),
        RevocationTarget(RevocationKind.ORGANIZATION, "org-1"),
        RevocationTarget(RevocationKind.CREDENTIAL, FINGERPRINT.hex()),
    ):
        assert set(handles.of(ended)) <= set(carried)
    assert not set(handles.of(RevocationTarget(RevocationKind.USER, "user-2"))) & set(carried)


def test_a_key_carries_its_own_and_its_members() -> None:
    handles = RevocationKeys([b"secret"])
    carried = handles.carried_by(type(found())(key_session()), [FINGERPRINT])
    for ended in (RevocationTarget(RevocationKind.API_KEY, "key-1"), RevocationTarget(RevocationKind.USER, "member-1")):
        assert set(handles.of(ended)) <= set(carried)


def test_an_id_of_one_kind_is_none_of_another() -> None:
    handles = RevocationKeys([b"secret"])
    assert handles.of(RevocationTarget(RevocationKind.USER, "1")) != handles.of(
        RevocationTarget(RevocationKind.ORGANIZATION, "1")
    )


def test_processes_meet_under_any_secret_that_they_share() -> None:
    ended = RevocationTarget(RevocationKind.USER, "user-1")
    old, rotating, new = RevocationKeys([b"old"]), RevocationKeys([b"new", b"old"]), RevocationKeys([b"new"])
    assert set(old.of(ended)) < set(rotating.of(ended)) > set(new.of(ended))
    assert not set(old.of(ended)) & set(new.of(ended))


def test_no_id_can_be_read_from_a_handle() -> None:
    (handle,) = RevocationKeys([b"secret"]).of(RevocationTarget(RevocationKind.USER, "user-1"))
    assert len(handle) == KEY_BYTES
    assert b"user" not in handle


@pytest.mark.parametrize("wrong", ["session-1", "abcd", ""])
def test_a_credential_is_named_by_its_fingerprint(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"hex|fingerprint"):
        RevocationKeys([b"secret"]).of(RevocationTarget(RevocationKind.CREDENTIAL, wrong))
