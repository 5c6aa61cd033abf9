"""What a cached answer is called: by its credential, and by everything that can end it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gateway.credentials.fingerprint import Fingerprinter
from gateway.model.answers import Found
from gateway.model.credential import Credential
from gateway.sessions.revocation_keys import RevocationKeys


class CacheKeys(msgspec.Struct, frozen=True):
    """Names answers under every secret of the server; `fingerprinters` by reader name."""

    handles: RevocationKeys
    fingerprinters: Mapping[str, Fingerprinter]

    def of(self, credential: Credential) -> tuple[bytes, ...]:
        """Return the fingerprints under which an answer about this credential is kept, the one in use first."""
        return self.fingerprinters[credential.reader].every(credential.parts)

    def ended_by(self, found: Found, fingerprints: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the handles of whatever ends this answer, which is kept under `fingerprints`."""
        return self.handles.carried_by(found, fingerprints)
