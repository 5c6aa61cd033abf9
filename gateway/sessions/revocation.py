"""What is remembered of something that was ended or changed, and whom it touches."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum

import msgspec

from gateway.model.answers import Found
from gateway.model.revocation_target import RevocationKind


class Effect(IntEnum):
    """What an ending does to an answer; part of the bus messages and of Redis, so values never change.

    `CHANGED`: the row behind it changed, so it is looked up again. `ENDED`: whatever carries it is refused.
    `ENDED_BEFORE`: what was issued before the instant is refused; a user may sign in again.
    """

    CHANGED = 0
    ENDED = 1
    ENDED_BEFORE = 2


class Revocation(msgspec.Struct, frozen=True, array_like=True):
    """`at` is in epoch seconds and is compared with issue times; `life` is how long it is remembered, in seconds."""

    effect: Effect
    at: float
    life: float


class RevocationMessage(msgspec.Struct, frozen=True, array_like=True):
    """One message on the bus: an ending, and the keyed hashes of what it is about."""

    ending: Revocation
    handles: tuple[bytes, ...]


class RevocationStatus(IntEnum):
    """What the revocations mean for an answer: not, it is to be looked up again, or it is revoked."""

    NONE = 0
    CHANGED = 1
    REVOKED = 2


def effect_of(kind: RevocationKind) -> Effect:
    """Tell what revoking a thing of this kind does: people and organizations go on, sessions and keys do not."""
    return Effect.ENDED_BEFORE if kind in {RevocationKind.USER, RevocationKind.ORGANIZATION} else Effect.ENDED


def revokes(ending: Revocation, found: Found) -> bool:
    """Tell whether this ending revokes this answer, whenever it was looked up.

    An answer of unknown age counts as issued before: nothing proves the contrary. So does one of the same second,
    since tokens tell whole seconds (RFC 7519 section 2, NumericDate).
    """
    if ending.effect is Effect.ENDED_BEFORE:
        issued = _issued_at(found)
        return issued is None or int(issued.timestamp()) <= int(ending.at)
    return ending.effect is Effect.ENDED


def status_of(endings: Iterable[tuple[Revocation, bool]], found: Found) -> RevocationStatus:
    """Return the gravest status that these revocations give; the flag tells that one is younger than the look-up."""
    gravest = RevocationStatus.NONE
    for ending, younger in endings:
        if revokes(ending, found):
            return RevocationStatus.REVOKED
        if younger:
            gravest = RevocationStatus.CHANGED
    return gravest


def _issued_at(found: Found) -> datetime | None:
    session = found.session
    if found.issued_at is not None:
        return found.issued_at
    if session.login is not None:
        return session.login.at
    if session.created_at is not None:
        return session.created_at
    return session.api_key.created_at if session.api_key is not None else None
