"""Revocations and changes: what they do to an answer, their keys, and the log of those that reached this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import IntEnum
from hashlib import blake2b
from typing import Annotated

import msgspec

from gateway.credentials.fingerprint import framed, purpose_key
from gateway.model.answers import Found
from gateway.model.session import RevocationKind, RevocationTarget

KEY_BYTES = 16
"""Length of a revocation key: a keyed hash of a target's id, which stands for it in Redis and on the bus."""

_PURPOSE = b"gw handle"
_ROUNDING = 0.001
"""Seconds by which the age of a shared answer may be off: its countdown is in whole milliseconds."""
CLOCK_SECONDS = 5.0
"""By which the clocks of the machines of a fleet may differ; a time of another one is taken no further off."""


class Effect(IntEnum):
    """What a revocation does to an answer; stored in Redis and sent on the bus, so values never change.

    `CHANGED`: the row behind it changed, so it is looked up again. `ENDED`: it is refused, whenever it was issued.
    `ENDED_BEFORE`: it is refused if it was issued before that instant; a user may sign in again.
    """

    CHANGED = 0
    ENDED = 1
    ENDED_BEFORE = 2


_END_OF_TIME = 253402300800.0
"""Epoch seconds of the year 10000, where datetimes end; no time and no lifetime is beyond."""

_Seconds = Annotated[float, msgspec.Meta(ge=0.0, lt=_END_OF_TIME)]


class Revocation(msgspec.Struct, frozen=True, array_like=True):
    """`at` (epoch seconds) is compared with issue times; `life` is how many seconds it is remembered."""

    effect: Effect
    at: _Seconds
    life: _Seconds


def bounded(revocation: Revocation, made_at: float) -> Revocation:
    """Return a revocation whose `at` is near `made_at`, the same instant by our clock (epoch seconds).

    By a clock that is an hour slow, whoever signed in within that hour would stay signed in.
    """
    at = min(max(revocation.at, made_at - CLOCK_SECONDS), made_at + CLOCK_SECONDS)
    return revocation if at == revocation.at else msgspec.structs.replace(revocation, at=at)


class RevocationMessage(msgspec.Struct, frozen=True, array_like=True):
    """One message on the bus: a revocation, and the keyed hashes of its targets."""

    revocation: Revocation
    keys: tuple[bytes, ...]


class RevocationStatus(IntEnum):
    """What the revocations mean for an answer: nothing, it is to be looked up again, or it is revoked."""

    NONE = 0
    CHANGED = 1
    REVOKED = 2


def effect_of(kind: RevocationKind) -> Effect:
    """Return what revoking a target of this kind does: users and organizations may return, sessions and keys not."""
    return Effect.ENDED_BEFORE if kind in {RevocationKind.USER, RevocationKind.ORGANIZATION} else Effect.ENDED


def revokes(revocation: Revocation, found: Found) -> bool:
    """Tell whether this revocation revokes this answer, whenever it was looked up.

    An answer without an issue time counts as issued before, as nothing proves the contrary. So does one of the same
    second, since tokens are issued in whole seconds (RFC 7519 section 2, NumericDate).
    """
    if revocation.effect is Effect.ENDED_BEFORE:
        issued = _issued_at(found)
        return issued is None or int(issued.timestamp()) <= int(revocation.at)
    return revocation.effect is Effect.ENDED


def status_of(revocations: Iterable[tuple[Revocation, bool]], found: Found) -> RevocationStatus:
    """Return the gravest status that these revocations give; the flag says that one is younger than the look-up."""
    gravest = RevocationStatus.NONE
    for revocation, is_younger in revocations:
        if revokes(revocation, found):
            return RevocationStatus.REVOKED
        if is_younger:
            gravest = RevocationStatus.CHANGED
    return gravest


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


class _LoggedRevocation(msgspec.Struct, frozen=True):
    """`version` is the log's when it was recorded `at`; `until` is when it is forgotten; both in monotonic seconds."""

    revocation: Revocation
    version: int
    at: float
    until: float


class RevocationLog:
    """Answers in constant time whether something was revoked since a moment; a moment is a `version`, never a clock.

    A revocation does not search memory: each hit asks the log, and only if anything was recorded since it last asked,
    so a revocation costs the same with ten cached sessions or a million. Beyond `limit` the oldest is forgotten, and
    with it the trust in everything cached so far (fail closed). `now` is in monotonic seconds.
    `on_revocation` is called after each, so that what is open is resolved again.
    """

    def __init__(
        self, now: Callable[[], float], on_revocation: Callable[[], None] = lambda: None, limit: int = 100_000
    ) -> None:
        self._now = now
        self._on_revocation = on_revocation
        self._limit = limit
        self._entries: OrderedDict[bytes, _LoggedRevocation] = OrderedDict()  # dicts are slow to find their first key
        self._distrusted = 0
        self.version = 0

    def __len__(self) -> int:
        """Return how many keys are logged."""
        return len(self._entries)

    def record(self, message: RevocationMessage) -> None:
        """Remember a revocation or change; a lasting revocation is never replaced by a mere change."""
        self.version += 1
        now = self._now()
        self._forget_expired(now)
        for key in message.keys:
            self._entries[key] = self._merged(self._entries.pop(key, None), message.revocation, now)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)
            self.distrust()
        self._on_revocation()

    def record_gap(self) -> None:
        """Note that revocations may have been missed: distrust what is cached, and resolve again what is open."""
        self.distrust()
        self._on_revocation()

    def distrust(self) -> None:
        """Trust nothing any more whose look-up began before now."""
        self.version += 1
        self._distrusted = self.version

    def untouched_since(self, version: int, keys: Sequence[bytes]) -> bool:
        """Tell whether nothing about `keys` was recorded, or may have been missed, since `version`."""
        if version < self._distrusted:
            return False
        entries = self._entries
        return not any(key in entries and entries[key].version > version for key in keys)

    def status_of(self, keys: Sequence[bytes], found: Found, version: int, age: float = 0.0) -> RevocationStatus:
        """Return what the log means for an answer whose look-up began at `version`, or `age` seconds ago.

        The age is for an answer of the shared tier: it may be from long before it was read at `version`.
        """
        now = self._now()
        began = now - age + _ROUNDING
        return status_of(
            (
                (entry.revocation, entry.version > version or entry.at > began)
                for entry in map(self._entries.get, keys)
                if entry and now < entry.until
            ),
            found,
        )

    def _merged(self, entry: _LoggedRevocation | None, revocation: Revocation, now: float) -> _LoggedRevocation:
        """Let nothing weaken a lasting revocation: whoever may write to Redis could say it again, without a life."""
        until = now + revocation.life
        if entry is not None and now < entry.until and entry.revocation.effect is not Effect.CHANGED:
            revocation, until = max(entry.revocation, revocation, key=_gravity), max(entry.until, until)
        return _LoggedRevocation(revocation, self.version, now, until)

    def _forget_expired(self, now: float) -> None:
        """Drop from the oldest on; what hides behind a longer-lived one is dropped later, or by the limit."""
        while self._entries:
            key = next(iter(self._entries))
            if now < self._entries[key].until:
                return
            del self._entries[key]


def _gravity(revocation: Revocation) -> tuple[int, float]:
    return (Effect.CHANGED, Effect.ENDED_BEFORE, Effect.ENDED).index(revocation.effect), revocation.at


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


def _issued_at(found: Found) -> datetime | None:
    session = found.session
    if found.issued_at is not None:
        return found.issued_at
    if session.login is not None:
        return session.login.at
    if session.created_at is not None:
        return session.created_at
    return session.api_key.created_at if session.api_key is not None else None
