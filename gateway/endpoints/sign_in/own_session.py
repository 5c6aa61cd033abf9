"""Whose session a browser shows by the cookie that a sign-in sets."""

from __future__ import annotations

from gateway.credentials.reader import CredentialReading
from gateway.gate import Gate, Identified
from gateway.model.decision import AccessRequest


async def own_session_id(gate: Gate, reading: CredentialReading, access: AccessRequest) -> str | None:
    """Return the id of the session that the cookie names; None where it names none that is good."""
    identified = gate.identify(access, reading)
    if not isinstance(identified, Identified):
        identified = await identified
    session = identified.resolution.session
    return None if session is None else session.id
