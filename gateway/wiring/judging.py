"""What judges by one config and needs no network: routes, readers, rules, and what an upstream is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from gateway.config.settings import IdentitySettings, Settings, to_routes
from gateway.credentials.fingerprint import Fingerprinter
from gateway.credentials.kinds import build_reader
from gateway.credentials.reader import Reader
from gateway.credentials.shedding import Shedding
from gateway.endpoints.networks import Networks
from gateway.gate import Gate
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Sessions
from gateway.model.route import Route, Sticky
from gateway.policy.limits import Limits
from gateway.policy.routes import RouteTable
from gateway.upstream.request_head import RequestHeads, Stripped
from gateway.upstream.sticky import STICKY_COOKIE
from gateway.wiring.redis import secrets_of


class OfflineGate:
    """Makes gates of a config that ask nobody; raises nothing for what only a network could tell."""

    def __init__(self, settings: Settings) -> None:
        secrets, trusts = secrets_of(settings), Networks(settings.trusted_proxies).include
        self.readers: Mapping[str, Reader] = {
            name: build_reader(name, reader, Fingerprinter(secrets, name, "", ()), trusts)
            for name, reader in settings.credentials.items()
        }
        self._identity = identity_headers(settings.identity)
        foreign = ForeignNames(settings.identity.from_clients)
        self._table = RouteTable(to_routes(settings))
        readers = tuple(self.readers.values())
        self.request_heads = RequestHeads(stripped(readers, self._identity, foreign.include, self._table.routes))
        self.shedding = Shedding(self._table.routes, self.readers)
        self.oddities = self._table.oddities

    def gate(self, readers: Mapping[str, Reader], sessions: Sessions, limits: Limits) -> Gate:
        """Return a gate that reads with `readers`, has no tokens signed, and resolves by `sessions`."""
        return Gate(self._table, readers, sessions, self._identity, limits)


def identity_headers(settings: IdentitySettings) -> IdentityHeaders:
    """Return what composes the identity headers of a config."""
    token = settings.token
    if token is None:
        return IdentityHeaders(settings.headers, value_bytes=settings.value_bytes)
    return IdentityHeaders(settings.headers, token_name=token.header, value_bytes=settings.value_bytes)


def stripped(
    readers: Collection[Reader],
    identity: IdentityHeaders,
    foreign: Callable[[bytes], bool],
    routes: Iterable[Route],
) -> Stripped:
    """Return what no client may tell an upstream under a config."""
    sticky = any(route.sticky is Sticky.COOKIE for route in routes)
    return Stripped(
        identity=identity.spellings,
        foreign=foreign,
        credentials=frozenset(name for reader in readers for name in reader.headers),
        cookies=frozenset(
            (*([STICKY_COOKIE] if sticky else ()), *(name for reader in readers for name in reader.cookies))
        ),
    )
