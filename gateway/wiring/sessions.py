"""Readers, authorities, caches and revocation, built from one config: what finds out whose session it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import structlog

from gateway.authorities.authority import Authority, NotesActivity
from gateway.authorities.authority_kind import AuthorityBaseSettings
from gateway.authorities.chain import Chain
from gateway.authorities.guard import Askable, Guard, GuardLimits, OnCall
from gateway.authorities.kinds import build_authority
from gateway.config.settings import Settings, free_claims
from gateway.credentials.fingerprint import Fingerprinter
from gateway.credentials.kinds import build_reader
from gateway.credentials.reader import Reader
from gateway.credentials.reader_kind import CredentialSettings
from gateway.endpoints.networks import Networks
from gateway.model.answers import Found, Rejected, Throttled, Unavailable
from gateway.model.client_address import bucket_of_address
from gateway.model.credential import Credential
from gateway.model.errors import GatewayError
from gateway.model.route import LimitBy, RateLimit
from gateway.resilience.breaker import Breaker
from gateway.resilience.places import Caller, Places
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.activity import Activity
from gateway.sessions.cache_entry import CacheKeys
from gateway.sessions.lookup import Lookups
from gateway.sessions.memory import MemoryStore, NegativeCache
from gateway.sessions.rejected_lookups import RejectedLookups
from gateway.sessions.resolver import Resolver
from gateway.sessions.revocation import RevocationKeys, RevocationLog
from gateway.sessions.revoker import Revoker
from gateway.sessions.session_cache import CacheTiers, SessionCache
from gateway.telemetry.resolution_metrics import SessionsState
from gateway.wiring.process import Process
from gateway.wiring.redis import RedisWiring, cache_times, secrets_of

if TYPE_CHECKING:
    from gateway.telemetry.tracing.tracer import Tracing

_log = structlog.get_logger(__name__)

_QUEUE_SECONDS = 1.0
"""For which a look-up may wait for its turn at an authority with as many look-ups as it takes at once."""
_BACKSTOP_SECONDS = 1.0
"""By which a guard waits longer than the authority itself, which knows better what it waits for."""


_SessionName = tuple[bytes, str, str]
"""A fingerprint, the id of another session of its user, and the authority that knows both."""


class SessionsWiring:
    """The parts of one config that resolve and revoke sessions; `authorities` are the caller's to close.

    `on_revocation` is called after each revocation, and when some may have been missed, to recheck open streams.
    `tasks` are closed with it.
    """

    def __init__(
        self,
        settings: Settings,
        process: Process,
        authorities: Mapping[str, Authority],
        on_revocation: Callable[[], None],
    ) -> None:
        self.authorities = authorities
        self.tasks = TaskKeeper()
        self._session_flights: SingleFlight[_SessionName, Found | Rejected | Unavailable] = SingleFlight(
            self.tasks, "look-up of another session"
        )
        self.redis = RedisWiring(settings, process, self.tasks)
        fingerprinters = _fingerprinters(settings, authorities)
        trusts = Networks(settings.trusted_proxies).include
        self.readers: dict[str, Reader] = {
            name: build_reader(name, reader, fingerprinters[name], trusts)
            for name, reader in settings.credentials.items()
        }
        self.rejected_lookups = RejectedLookups(_limit_of(settings), process.now)
        self._guards = _guards(settings, process, authorities)
        self.chains = _chains(settings, self._guards)
        times, revocation_log = cache_times(settings), RevocationLog(process.now, on_revocation)
        keys = CacheKeys(RevocationKeys(secrets_of(settings)), fingerprinters)
        entries = settings.cache.memory_entries
        self._memory = MemoryStore(entries, times.unheard, revocation_log, process.clock)
        tiers = CacheTiers(
            self._memory, NegativeCache(process.now, times.negative, entries), self.redis.shared_tier(keys)
        )
        cache = SessionCache(tiers, keys, times, process.clock, now=process.now)
        activity, metrics = _activity(authorities, process), process.resolution_metrics
        lookups = Lookups(cache, self.chains, self.rejected_lookups, self.tasks)
        self.resolver = Resolver(cache, lookups, activity, metrics)
        self.revoker = Revoker(
            keys.revocation_keys, revocation_log, times, process.clock, metrics, self.redis.publisher()
        )
        self.redis.subscribe(revocation_log, self._memory)
        self.tasks.start(activity.run(), "last activity")

    async def session_of(
        self, credential: Credential, session_id: str, authority: str, client: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return another session of the credential's user, from the authority that resolved the credential.

        The caller is known and the id may be made up, so what is rejected counts against the address `client`.

        It is a task of its own, as every look-up: a caller that hangs up would otherwise cancel it, which counts as an
        authority that does not answer, and a few such callers would open its breaker for everybody.
        """
        wait = self.rejected_lookups.wait(client)
        if wait:
            return Throttled("too many rejected sessions of this address", wait)
        chain, caller = self.chains[credential.reader], Caller(bucket_of_address(client), known=not client)
        work = partial(chain.session_of, credential, session_id, authority, caller)
        answer = await self._session_flights.fly((credential.fingerprint, session_id, authority), work)
        if isinstance(answer, Rejected):
            self.rejected_lookups.count(client)
        return answer

    def state(self) -> SessionsState:
        """Return the state of caches and authorities, for metrics."""
        return SessionsState(
            redis_up=self.redis.redis_up(),
            bus_up=self.redis.bus_up(),
            sessions=len(self._memory),
            breakers_open={name: guard.given_up for name, guard in self._guards.items()},
        )

    async def close(self) -> None:
        """Cancel the look-ups that still run, and close the connections to Redis."""
        await self.tasks.aclose()
        await self.redis.close()


async def open_authorities(settings: Settings, process: Process, stack: AsyncExitStack) -> dict[str, Authority]:
    """Open the authorities of a config, each to be closed by `stack`; raises GatewayError."""
    authorities: dict[str, Authority] = {}
    free = free_claims(settings)
    for name, each in settings.authorities.items():
        authorities[name] = await _open(name, each, process, free)
        stack.push_async_callback(authorities[name].close)
    return authorities


async def _open(name: str, settings: AuthorityBaseSettings, process: Process, free: Sequence[str]) -> Authority:
    """Open one authority; raises GatewayError."""
    try:
        return await build_authority(name, settings, process.clock, free)
    except OSError as error:  # of a `ca_file`; ssl.SSLError is one too, for a file that holds no certificate
        reason = error.strerror or type(error).__name__
        file = getattr(settings, "ca_file", "")
        raise GatewayError(f"authorities.{name}: {file} cannot be used: {reason}") from error


def _limit_of(settings: Settings) -> RateLimit | None:
    limit = settings.limits.rejected_lookups
    return None if limit is None else RateLimit(LimitBy.ADDRESS, limit.rate, limit.burst, shared=False)


def _fingerprinters(settings: Settings, authorities: Mapping[str, Authority]) -> dict[str, Fingerprinter]:
    """Return what makes the cache keys of each reader's credentials."""
    secrets = secrets_of(settings)
    return {
        name: Fingerprinter(secrets, name, _key_type(reader), _verdict_digests(reader, authorities))
        for name, reader in settings.credentials.items()
    }


def _key_type(reader: CredentialSettings) -> str:
    return getattr(reader, "type", None) or ""


def _verdict_digests(reader: CredentialSettings, authorities: Mapping[str, Authority]) -> list[bytes]:
    return [authorities[name].verdict_digest for name in reader.authority]


def _activity(authorities: Mapping[str, Authority], process: Process) -> Activity:
    """Return what writes last activity, to the authorities that take it."""
    writers = {name: each.note_activity for name, each in authorities.items() if isinstance(each, NotesActivity)}
    return Activity(writers, process.resolution_metrics, process.clock)


def _guard(settings: AuthorityBaseSettings, authority: Authority, process: Process, tracing: Tracing | None) -> Guard:
    """Return an authority's guard."""
    return Guard(
        authority,
        Breaker(process.now),
        process.resolution_metrics,
        GuardLimits(
            Askable(settings.longest_credential),
            Places(settings.at_once),
            deadline=settings.timeout + _BACKSTOP_SECONDS,
            patience=_QUEUE_SECONDS,
        ),
        _traced(settings, authority, tracing),
    )


def _traced(settings: AuthorityBaseSettings, authority: Authority, tracing: Tracing | None) -> OnCall | None:
    return None if tracing is None else tracing.trace_authority(authority.name, settings.kind, settings.asked_host)


def _chains(settings: Settings, guards: Mapping[str, Guard]) -> dict[str, Chain]:
    """Return the authorities of each reader, in the order in which they are asked."""
    return {name: Chain([guards[each] for each in reader.authority]) for name, reader in settings.credentials.items()}


def _guards(settings: Settings, process: Process, authorities: Mapping[str, Authority]) -> dict[str, Guard]:
    """Return the guard of each authority, one for all readers that list it."""
    tracing = process.tracing_for(settings.telemetry)
    return {
        name: _guard(settings.authorities[name], authority, process, tracing) for name, authority in authorities.items()
    }
