from __future__ import annotations

from gateway.model.credential import Credential, CredentialKind
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.shared_tier import NoSharedTier, SharedEntry
from tests.support.fakes.sessions import found


async def test_a_process_alone_always_misses_always_asks_and_is_never_touched() -> None:
    lookup = NoSharedTier().lookup(Credential("token", CredentialKind.BEARER, "", ("t",), b"f" * 16))
    shared_entry = SharedEntry(found(), "accounts", 0.0)
    assert await lookup.claim()
    assert await lookup.fill(shared_entry, lifetime=60.0, share=True) is RevocationStatus.NONE
    assert await lookup.status_of(shared_entry) is RevocationStatus.NONE
    await lookup.release()
    await lookup.drop()
    assert await lookup.read() is None
    assert await lookup.claim()
