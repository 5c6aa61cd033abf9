from __future__ import annotations

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.revocation_target import RevocationKind, RevocationTarget
from gateway.model.session import Session
from gateway.sessions.cache_keys import CacheKeys
from gateway.sessions.revocation_keys import RevocationKeys

SECRETS = (b"new", b"old")
FINGERPRINTER = Fingerprinter(SECRETS, "key", "user", [b"digest"])
NAMES = CacheKeys(RevocationKeys(SECRETS), {"key": FINGERPRINTER})
CREDENTIAL = Credential("key", CredentialKind.API_KEY, "user", ("k",), FINGERPRINTER(("k",)))


def test_an_answer_is_named_under_every_secret_and_first_under_the_one_in_use() -> None:
    assert len(NAMES.of(CREDENTIAL)) == len(SECRETS)
    assert NAMES.of(CREDENTIAL)[0] == CREDENTIAL.fingerprint


def test_an_answer_is_ended_with_its_credential_and_with_its_session() -> None:
    ended_by = NAMES.ended_by(Found(Session(id="s", subject="u")), NAMES.of(CREDENTIAL))
    assert {*NAMES.of(CREDENTIAL), *NAMES.handles.of(RevocationTarget(RevocationKind.SESSION, "s"))} == set(ended_by)
