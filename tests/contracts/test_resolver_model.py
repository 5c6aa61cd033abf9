"""The resolver against a model of what was answered, revoked and expired, with a clock that passes when advanced.

Whatever the order of requests, expiries, revocations, changes and outages, these hold: nobody is answered with
another's session; nobody is admitted after their revocation, nor beyond their expiry, nor on an answer from before a
rejection; nothing is admitted that no authority answered within the longest time; and an outage is never a rejection.
"""

from __future__ import annotations

import asyncio

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.authorities.chain import ChainAnswer
from gateway.model.answers import Found, Reason, Rejected, Resolution, Tier, Unavailable
from gateway.model.credential import Credential
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.resilience.places import Caller
from gateway.sessions.cache_entry import CacheTimes, ends_at
from tests.support.fakes.sessions import Authority, Clock, Gateway, found

TIMES = CacheTimes(fresh=60.0, stale=600.0, negative=5.0, revoked=3600.0, jitter=0.1)
PEOPLE = st.integers(1, 2)
QUIET = 1.0  # seconds for which an authority that was found unavailable is not asked again about the same credential


class Recording(Authority):
    """Knows what it answered when."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.answers_at: list[tuple[float, Found]] = []
        self.refused: dict[str, float] = {}

    async def look_up(self, credential: Credential, caller: Caller | None = None) -> ChainAnswer:
        chain_answer = await super().look_up(credential, caller)
        if isinstance(chain_answer.verdict, Found):
            self.answers_at.append((self._clock(), chain_answer.verdict))
        elif isinstance(chain_answer.verdict, Rejected):
            self.refused[credential.parts[0]] = self._clock()
        return chain_answer


class Resolving(RuleBasedStateMachine):
    """Two people with one token each; their versions count up so that an old answer differs from a new one."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.authority = Recording(self.clock)
        self.down = False
        self.mended_at = 0.0
        self.truth: dict[int, Found | Rejected] = {}
        self.revoked: dict[int, float] = {}
        self.not_before: dict[int, float] = {}
        self.version = 0

    @initialize()
    def begin(self) -> None:
        self.gateway = self.loop.run_until_complete(self._make())
        for person in (1, 2):
            self._sign_in(person, None)

    async def _make(self) -> Gateway:
        return Gateway(self.authority, self.clock, TIMES, memory_entries=100)

    def teardown(self) -> None:
        self.loop.run_until_complete(self.gateway.tasks.aclose())
        self.loop.close()

    @rule(person=PEOPLE, life=st.sampled_from([None, None, 20, 300]), wait=st.sampled_from([0, 6]))
    def sign_in_and_ask(self, person: int, life: int | None, wait: int) -> None:
        """The authority knows somebody anew; a cached answer may go on until a change is published."""
        self.clock.advance(wait)
        self._sign_in(person, life)
        self.request(person, 1, peeks=False)

    def _sign_in(self, person: int, life: int | None) -> None:
        self.version += 1
        answer = found(person, issued_at=self.clock.now, expires_at=None if life is None else self.clock.now + life)
        named = msgspec.structs.replace(answer.session, scopes=(f"version-{self.version}",))
        self.truth[person] = msgspec.structs.replace(answer, session=named)

    @rule(person=PEOPLE)
    def forget(self, person: int) -> None:
        self.truth[person] = Rejected(Reason.GONE)

    @rule()
    def break_or_mend(self) -> None:
        self.mended_at = self.clock.now
        self.down = not self.down

    @rule(seconds=st.sampled_from([0.5, 6, 30, 61, 121, 400, 601]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(person=PEOPLE)
    def wait_a_moment_and_ask(self, person: int) -> None:
        self.clock.advance(0.5)
        self.request(person, 1, peeks=False)

    @rule(person=PEOPLE)
    def change(self, person: int) -> None:
        self.loop.run_until_complete(
            self.gateway.revoker.changed(RevocationTarget(RevocationKind.USER, f"user-{person}"))
        )
        self.not_before[person] = self.clock.now

    @rule(person=PEOPLE)
    def revoke(self, person: int) -> None:
        self.loop.run_until_complete(
            self.gateway.revoker.revoke(RevocationTarget(RevocationKind.USER, f"user-{person}"))
        )
        self.revoked[person] = self.clock.now

    @rule(person=PEOPLE, callers=st.sampled_from([1, 3]), peeks=st.sampled_from([False, False, True]))
    def request(self, person: int, callers: int, *, peeks: bool) -> None:
        for number in range(1, 3):
            answer = self.truth.get(number, Rejected(Reason.UNKNOWN))
            self.authority.answers[f"token-{number}"] = Unavailable("down") if self.down else answer
        look_ups, before = len(self.authority.look_ups), dict(self.authority.refused)
        for resolution in self.loop.run_until_complete(self._resolve(person, callers, peeks=peeks)):
            self._check(person, resolution, before.get(f"token-{person}", 0.0))
        if peeks:
            self.authority.refused = before  # peeking leaves no trace, so its answer binds nobody
        assert len(self.authority.look_ups) - look_ups <= (callers if peeks else 1)

    async def _resolve(self, person: int, callers: int, *, peeks: bool) -> list[Resolution]:
        credential = self.gateway.credential(f"token-{person}")
        resolve = self.gateway.resolver.peek if peeks else self.gateway.resolver.resolve
        resolutions = await asyncio.gather(*(resolve(credential) for _ in range(callers)))
        await asyncio.gather(*self.gateway.tasks._tasks)  # a background refresh ends within its request, for the model
        return list(resolutions)

    def _check(self, person: int, resolution: Resolution, refused: float) -> None:
        now, answer = self.clock.now, resolution.answer
        if isinstance(answer, Unavailable):
            assert self.down
        elif isinstance(answer, Found):
            assert answer.session.id == f"session-{person}"
            assert ends_at(answer) > now
            assert answer.issued_at is not None
            assert answer.issued_at.timestamp() >= int(self.revoked.get(person, 0.0))
            times = [at for at, one in self.authority.answers_at if one == answer]
            assert times
            since = max(self.not_before.get(person, 0.0), self.revoked.get(person, 0.0), refused)
            assert max(times) >= since
            limit = TIMES.stale if resolution.stale else 2 * TIMES.fresh
            assert now - max(times) < limit or resolution.tier is Tier.AUTHORITY
            assert self.down or not resolution.stale or now - self.mended_at <= QUIET
        elif self.down:
            # an outage is no rejection: this one was given before, or follows from a revocation or an expiry
            assert resolution.tier is Tier.MEMORY

    @invariant()
    def stays_bounded(self) -> None:
        if hasattr(self, "gateway"):
            assert len(self.gateway.memory) <= 2


Resolving.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestResolving = Resolving.TestCase
