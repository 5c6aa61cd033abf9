from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from gateway.authorities.chain import Chain, ChainAnswer
from gateway.authorities.guard import Askable, Guard, GuardLimits
from gateway.credentials.reader import UNREADABLE
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.resilience.breaker import Breaker
from gateway.resilience.places import Caller, Places
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.support.fakes.sessions import Clock, found

CREDENTIAL = Credential("token", CredentialKind.BEARER, "", ("t",), b"f" * 16)


class Fixed:
    """An authority with one answer."""

    verdict_digest = b""

    def __init__(self, name: str, answer: Answer, *, memory_only: bool = False) -> None:
        self.name = name
        self.memory_only = memory_only
        self._answer = answer
        self.look_ups = 0

    def disowns(self, credential: Credential) -> bool:
        return credential.parts[0] == "foreign"

    def unclaimed_because(self, _credential: Credential) -> str:
        return ""

    async def look_up(self, _credential: Credential) -> Answer:
        self.look_ups += 1
        return self._answer

    async def session_of(self, _credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        return found(3) if session_id == "session-3" else Rejected(Reason.GONE)

    async def close(self) -> None:
        return None


def chain(*authorities: Fixed) -> Chain:
    metrics = ResolutionMetrics(CollectorRegistry())
    return Chain(
        [Guard(authority, Breaker(Clock()), metrics, GuardLimits(Askable(), Places(64))) for authority in authorities]
    )


@pytest.mark.parametrize("answer", [found(), Rejected(Reason.REVOKED), Unavailable("down")])
async def test_not_mine_goes_on_and_anything_else_ends_the_list(answer: Found | Rejected | Unavailable) -> None:
    first, second, third = Fixed("first", None), Fixed("second", answer, memory_only=True), Fixed("third", found(9))
    assert await chain(first, second, third).look_up(CREDENTIAL, Caller()) == ChainAnswer(
        answer, "second", memory_only=True
    )
    assert (first.look_ups, second.look_ups, third.look_ups) == (1, 1, 0)


class Telling(Fixed):
    """An authority that can tell its own."""

    def unclaimed_because(self, _credential: Credential) -> str:
        return f"not in the name of {self.name}"


async def test_what_nobody_claims_is_told_by_who_can_tell() -> None:
    guards = chain(Telling("first", None), Fixed("second", None), Telling("third", None))
    verdict = (await guards.look_up(CREDENTIAL, Caller())).verdict
    assert isinstance(verdict, Rejected)
    assert verdict.detail == "not in the name of first; not in the name of third"
    unreadable = Credential("token", CredentialKind.BEARER, "", (UNREADABLE,), b"f" * 16)
    verdict = (await guards.look_up(unreadable, Caller())).verdict
    assert isinstance(verdict, Rejected)
    assert verdict.detail.startswith("not readable, ")


async def test_what_nobody_claims_is_unknown() -> None:
    assert await chain(Fixed("first", None), Fixed("second", None)).look_up(CREDENTIAL, Caller()) == ChainAnswer(
        Rejected(Reason.UNKNOWN)
    )


def test_a_list_stays_in_memory_when_all_of_it_does() -> None:
    tokens, accounts = Fixed("tokens", None, memory_only=True), Fixed("accounts", None)
    assert chain(tokens).memory_only
    assert not chain(tokens, accounts).memory_only


async def test_another_session_is_asked_of_the_authority_that_knew_the_credential() -> None:
    accounts = chain(Fixed("first", None), Fixed("accounts", found()))
    assert await accounts.session_of(CREDENTIAL, "session-3", "accounts", Caller()) == found(3)
    assert await accounts.session_of(CREDENTIAL, "nobody's", "accounts", Caller()) == Rejected(Reason.GONE)
    assert await accounts.session_of(CREDENTIAL, "session-3", "somebody else", Caller()) == Rejected(Reason.GONE)
