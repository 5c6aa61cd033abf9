"""Keyed hashes of everything by which a session can be ended: what stands in Redis and on the bus instead of ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from gateway.credentials.fingerprint import framed, purpose_key
from gateway.model.answers import Found
from gateway.model.revocation_target import RevocationKind, RevocationTarget

KEY_BYTES = 16

_PURPOSE = b"gw handle"


class RevocationKeys:
    """Makes handles under every secret; `secrets` is not empty.

    All of them, because a process that does not know the newest secret yet speaks and listens under the older one.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(purpose_key(secret, _PURPOSE) for secret in secrets)

    def of(self, ended: RevocationTarget) -> tuple[bytes, ...]:
        """Return the handles of one thing; raises ValueError for a credential whose id is no fingerprint."""
        if ended.kind is RevocationKind.CREDENTIAL:
            fingerprint = bytes.fromhex(ended.id)  # a keyed hash already
            if len(fingerprint) != KEY_BYTES:
                raise ValueError("a credential is named by its fingerprint in hexadecimal")
            return (fingerprint,)
        message = framed((ended.kind.value, ended.id))
        return tuple(blake2b(message, digest_size=KEY_BYTES, key=key).digest() for key in self._keys)

    def carried_by(self, found: Found, fingerprints: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the handles of everything whose end is this answer's end, its credential's fingerprints among them."""
        return (*fingerprints, *(handle for ended in _endable(found) for handle in self.of(ended)))


def _endable(found: Found) -> Iterator[RevocationTarget]:
    session = found.session
    if session.id is not None:
        yield RevocationTarget(RevocationKind.SESSION, session.id)
    if session.user is not None:
        yield RevocationTarget(RevocationKind.USER, session.user.id)
    if session.member is not None:
        # upstreams know the member behind a key as the user (DESIGN section 7), so that id ends it as well
        yield RevocationTarget(RevocationKind.USER, session.member.id)
    if session.api_key is not None:
        yield RevocationTarget(RevocationKind.API_KEY, session.api_key.id)
    if session.organization is not None:
        yield RevocationTarget(RevocationKind.ORGANIZATION, session.organization.id)
