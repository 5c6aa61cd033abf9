"""Keyed hashes that stand for credentials and ids in the caches, in Redis and on the bus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec

from gateway.credentials.fingerprint import Fingerprinter, framed, purpose_key
from gateway.model.answers import Found
from gateway.model.credential import Credential
from gateway.model.session import RevocationKind, RevocationTarget

KEY_BYTES = 16

_PURPOSE = b"gw handle"


class RevocationKeys:
    """Hashes everything by which a session can be revoked, under every one of `secrets`, which is not empty.

    Every secret, because a process that has not loaded the newest one yet publishes and subscribes under an older one.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._hash_keys = tuple(purpose_key(secret, _PURPOSE) for secret in secrets)

    def of_target(self, target: RevocationTarget) -> tuple[bytes, ...]:
        """Return the keys of one target; raises ValueError for a credential whose id is no fingerprint."""
        if target.kind is RevocationKind.CREDENTIAL:
            fingerprint = bytes.fromhex(target.id)  # a keyed hash already
            if len(fingerprint) != KEY_BYTES:
                raise ValueError("a credential is named by its fingerprint in hexadecimal")
            return (fingerprint,)
        message = framed((target.kind.value, target.id))
        return tuple(blake2b(message, digest_size=KEY_BYTES, key=key).digest() for key in self._hash_keys)

    def of_answer(self, found: Found, fingerprints: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the keys of all targets that revoke this answer, its credential's `fingerprints` among them."""
        return (*fingerprints, *(key for target in _targets(found) for key in self.of_target(target)))


class CacheKeys(msgspec.Struct, frozen=True):
    """The keys of answers under every server secret; `fingerprinters` by reader name."""

    revocation_keys: RevocationKeys
    fingerprinters: Mapping[str, Fingerprinter]

    def fingerprints(self, credential: Credential) -> tuple[bytes, ...]:
        """Return the fingerprints under which an answer about this credential is cached, the current secret's first."""
        return self.fingerprinters[credential.reader].every(credential.parts)


def _targets(found: Found) -> Iterator[RevocationTarget]:
    session = found.session
    if session.id is not None:
        yield RevocationTarget(RevocationKind.SESSION, session.id)
    if session.user is not None:
        yield RevocationTarget(RevocationKind.USER, session.user.id)
    if session.member is not None:
        # the identity headers show an API key's member as the user, so revoking that id must revoke the key's answers
        yield RevocationTarget(RevocationKind.USER, session.member.id)
    if session.api_key is not None:
        yield RevocationTarget(RevocationKind.API_KEY, session.api_key.id)
    if session.organization is not None:
        yield RevocationTarget(RevocationKind.ORGANIZATION, session.organization.id)
