from __future__ import annotations

from gateway.model.credential import Credential, CredentialKind
from gateway.sessions.revocation import RevocationStatus
from gateway.sessions.tier import Alone, SharedEntry
from tests.support.fakes.sessions import found


async def test_a_process_alone_always_misses_always_asks_and_is_never_touched() -> None:
    visit = Alone().visit(Credential("token", CredentialKind.BEARER, "", ("t",), b"f" * 16))
    held = SharedEntry(found(), "accounts", 0.0)
    assert await visit.claim()
    assert await visit.fill(held, lifetime=60.0, share=True) is RevocationStatus.NONE
    assert await visit.status_of(held) is RevocationStatus.NONE
    await visit.release()
    await visit.drop()
    assert await visit.read() is None
    assert await visit.claim()
