"""Everything that finds out whose session it is, built from one config and run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from gateway.authorities.authority import Authority, MarksEnded, NotesActivity
from gateway.authorities.chain import Chain, Guard
from gateway.authorities.introspection import IntrospectionSettings
from gateway.authorities.kinds import AuthoritySettings, build_authority
from gateway.authorities.remote import RemoteSettings
from gateway.config.settings import Settings
from gateway.credentials.api_key import ApiKeySettings
from gateway.credentials.fingerprint import Fingerprinter
from gateway.credentials.kinds import ReaderSettings, build_reader
from gateway.credentials.reader import Reader
from gateway.model.answers import Found, Rejected, Unavailable
from gateway.model.credential import Credential
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationTarget
from gateway.resilience.breaker import Breaker
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.tasks import TaskKeeper
from gateway.sessions.activity import Activity
from gateway.sessions.cache_keys import CacheKeys, RevocationKeys
from gateway.sessions.lookup import Lookups
from gateway.sessions.memory import MemoryStore, NegativeCache
from gateway.sessions.resolver import Resolver
from gateway.sessions.revocation import RevocationLog
from gateway.sessions.revoker import Revoker
from gateway.sessions.session_cache import SessionCache
from gateway.telemetry.resolution_metrics import SessionsState
from gateway.wiring.process import Process
from gateway.wiring.redis import RedisWiring, cache_times, secrets_of
from gateway.wiring.tracing import tracing_of

if TYPE_CHECKING:
    from gateway.telemetry.tracing.tracer import Tracing

_log = structlog.get_logger(__name__)

_QUEUEING = 1.0
"""Seconds that a look-up may wait for its turn at an authority that is asked by many at once."""


class SessionsWiring:
    """Readers, authorities, the tiers and the revoker of one config.

    `on_news` is called when something was ended anywhere, and when it cannot be known what was: whoever holds
    something open resolves it again.
    """

    def __init__(
        self, settings: Settings, process: Process, authorities: Mapping[str, Authority], on_news: Callable[[], None]
    ) -> None:
        self.authorities = authorities
        self._tasks = TaskKeeper()
        self._others: SingleFlight[tuple[bytes, str, str], Found | Rejected | Unavailable] = SingleFlight(
            self._tasks, "look-up of another session"
        )
        self.fleet = RedisWiring(settings, process, self._tasks)
        fingerprinters = _fingerprinters(settings, authorities)
        self.readers: dict[str, Reader] = {
            name: build_reader(name, reader, fingerprinters[name]) for name, reader in settings.credentials.items()
        }
        self._guards = _guards(settings, process, authorities)
        self.chains = {
            name: Chain([self._guards[each] for each in reader.authority])
            for name, reader in settings.credentials.items()
        }
        times, revocation_log = cache_times(settings), RevocationLog(process.clock, on_news)
        keys = CacheKeys(RevocationKeys(secrets_of(settings)), fingerprinters)
        entries = settings.cache.memory_entries
        self._memory = MemoryStore(entries, times.unheard, revocation_log)
        negative_cache = NegativeCache(process.clock, times.negative, entries)
        shared_tier = self.fleet.shared_tier(keys)
        cache = SessionCache(self._memory, negative_cache, shared_tier, keys, times, process.clock)
        activity, metrics = _activity(authorities, process), process.resolution_metrics
        self.resolver = Resolver(cache, Lookups(cache, self.chains, self._tasks), activity, metrics)
        self.revoker = Revoker(
            keys.revocation_keys, revocation_log, times, process.clock, metrics, self.fleet.announce()
        )
        self.fleet.listen(revocation_log, self._memory)
        self._tasks.start(activity.run(), "last activity")

    async def session_of(
        self, credential: Credential, session_id: str, authority: str
    ) -> Found | Rejected | Unavailable:
        """Return another session of the user whose credential this is, from the authority that knew it.

        In a flight of its own, as every look-up: callers that hang up half way would else look like an authority that
        does not answer, and a few of them would have it given up for everybody.
        """
        chain = self.chains[credential.reader]
        work = partial(chain.session_of, credential, session_id, authority)
        return await self._others.fly((credential.fingerprint, session_id, authority), work)

    async def revoke(self, ended: RevocationTarget) -> bool:
        """End it for good: in the rows of our directories, and everywhere it is cached. True when all of that was done.

        Both at once: neither waits for the other's fault. Until a row is marked, the cache's own memory of the
        revocation refuses what a look-up finds there.
        """
        marking = (self._mark(authority, ended) for authority in self.authorities.values())
        done = await asyncio.gather(self.revoker.revoke(ended), *marking)
        return all(done)

    def standing(self) -> SessionsState:
        """Tell how things stand, for metrics."""
        return SessionsState(
            redis_up=self.fleet.redis_up(),
            bus_up=self.fleet.bus_up(),
            sessions=len(self._memory),
            given_up={name: guard.given_up for name, guard in self._guards.items()},
        )

    async def close(self) -> None:
        """End look-ups that nobody waits for any more, and give back connections."""
        await self._tasks.aclose()
        for authority in self.authorities.values():
            await authority.close()
        await self.fleet.close()

    @staticmethod
    async def _mark(authority: Authority, ended: RevocationTarget) -> bool:
        if not isinstance(authority, MarksEnded):
            return True
        try:
            await authority.mark_ended(ended)
        except GatewayError as fault:
            _log.warning("revocation_mark_failed", authority=authority.name, fault=str(fault))
            return False
        return True


async def open_sessions_wiring(settings: Settings, process: Process, on_news: Callable[[], None]) -> SessionsWiring:
    """Open what finds out whose session it is; raises GatewayError, and then nothing is left open."""
    authorities = await open_authorities(settings, process)
    try:
        return SessionsWiring(settings, process, authorities, on_news)
    except BaseException:
        for authority in authorities.values():
            await authority.close()
        raise


async def open_authorities(settings: Settings, process: Process) -> dict[str, Authority]:
    """Make the authorities of a config; when one cannot be made, those that were are closed again.

    Raises GatewayError.
    """
    opened: dict[str, Authority] = {}
    try:
        for name, described in settings.authorities.items():
            opened[name] = await _open(name, described, process)
    except BaseException:
        for authority in opened.values():
            await authority.close()
        raise
    return opened


async def _open(name: str, settings: AuthoritySettings, process: Process) -> Authority:
    """Make one authority; raises GatewayError."""
    try:
        return await build_authority(name, settings, process.clock)
    except OSError as error:  # a `ca_file`; ssl.SSLError is one too, for a file that holds no certificate
        said = error.strerror or type(error).__name__
        raise GatewayError(f"authorities.{name}: {getattr(settings, 'ca_file', '')} cannot be used: {said}") from error


def _fingerprinters(settings: Settings, authorities: Mapping[str, Authority]) -> dict[str, Fingerprinter]:
    """Return how each reader's credentials are named in the caches, under the server's secrets."""
    secrets = secrets_of(settings)
    return {
        name: Fingerprinter(secrets, name, _key_type(reader), _verdict_digests(reader, authorities))
        for name, reader in settings.credentials.items()
    }


def _key_type(reader: ReaderSettings) -> str:
    return reader.type if isinstance(reader, ApiKeySettings) else ""


def _verdict_digests(reader: ReaderSettings, authorities: Mapping[str, Authority]) -> list[bytes]:
    return [authorities[name].verdict_digest for name in reader.authority]


def _activity(authorities: Mapping[str, Authority], process: Process) -> Activity:
    """Return what notes last activity, at those authorities that take note."""
    notes = {name: each.note_activity for name, each in authorities.items() if isinstance(each, NotesActivity)}
    return Activity(notes, process.resolution_metrics)


def _guard(settings: AuthoritySettings, authority: Authority, process: Process, tracing: Tracing | None) -> Guard:
    """Return the guard of one authority: it waits longer than the authority asks, for those that queue for a place."""
    return Guard(
        authority,
        Breaker(process.now),
        process.resolution_metrics,
        deadline=settings.timeout + _QUEUEING,
        concurrency=settings.connections,
        on_call=None if tracing is None else tracing.asking(authority.name, settings.kind, _host(settings)),
    )


def _host(settings: AuthoritySettings) -> str:
    """Return which host is asked about each credential, empty where that is none or cannot be told."""
    return urlsplit(settings.url).hostname or "" if isinstance(settings, RemoteSettings | IntrospectionSettings) else ""


def _guards(settings: Settings, process: Process, authorities: Mapping[str, Authority]) -> dict[str, Guard]:
    """Return one guard before each authority, whoever lists it."""
    tracing = tracing_of(settings.telemetry, process)
    return {
        name: _guard(settings.authorities[name], authority, process, tracing) for name, authority in authorities.items()
    }
