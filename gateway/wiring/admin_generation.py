"""The admin API of one config: who may call it, and what its operations work with.

The port is the supervisor's, which serves nobody: so the API has a generation of its own, which looks up and explains
and never carries a request. It is opened by the first call that needs it, so that a gateway whose API nobody calls pays
nothing for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.admin.admin_callers import AdminCallers, CallerRules
from gateway.admin.admin_tokens import AdminTokens
from gateway.admin.api import Api
from gateway.admin.api_operation import ApiOperation
from gateway.admin.application import build_application
from gateway.admin.application_bridge import ApplicationBridge
from gateway.admin.console_files import console_routes
from gateway.admin.explained import ExplainRequest, Explanation
from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.openapi_v1 import with_document
from gateway.admin.own_operations import OwnCalls, own_operations
from gateway.admin.public_admin import PublicAdminEndpoint
from gateway.authorities.directory import DirectorySettings
from gateway.config.settings import Settings, to_routes
from gateway.credentials.reader import CredentialReading
from gateway.endpoints.access_reader import AccessReader
from gateway.model.errors import MalformedError
from gateway.model.route import OnMany
from gateway.model.session import RevocationTarget
from gateway.model.target import Oddity
from gateway.policy.routes import RouteTable
from gateway.telemetry.audit import Actor
from gateway.wiring.explanation import decide_traceless, explanation_of, read_request, untraced
from gateway.wiring.generation import Generation, open_generation
from gateway.wiring.process import Process

if TYPE_CHECKING:
    from gateway.wiring.admin_directories import AdminDirectories


class AdminGeneration:
    """Makes the routes of the API under `settings`; `tokens` and `fleet` outlive it.

    Where there is a `generation` that serves, the API looks up and explains by it, and has none of its own.
    """

    def __init__(
        self,
        settings: Settings,
        process: Process,
        tokens: AdminTokens,
        fleet: FleetHooks,
        generation: Generation | None = None,
    ) -> None:
        self._settings = untraced(settings)
        self._process = process
        self._fleet = fleet
        self._opening = asyncio.Lock()
        self._owned: Generation | None = None
        self._generation = generation
        table = RouteTable(to_routes(settings))
        self._oddities = table.oddities
        accesses = AccessReader(settings.trusted_proxies, settings.limits.target_bytes, process.clock, tuple(Oddity))
        callers = AdminCallers(tokens, accesses, self._caller_rules if settings.admin.credentials else None)
        operations = own_operations(OwnCalls(table.routes, self._explain, fleet, self.end, process.audit))
        self._directories = _directories(settings, process)
        if self._directories is not None:
            operations = (*_record_operations(settings, self._directories, process, fleet), *operations)
        self._api = Api(with_document(operations), callers, process.audit, process.clock, settings.admin.body_bytes)

    def routes(self) -> list[web.RouteDef]:
        """Return the API's routes."""
        return self._api.routes()

    async def end(self, target: RevocationTarget, actor: Actor) -> bool:
        """End it in the rows of our directories and everywhere it is cached; return whether all of that was done.

        Both at once, so that neither waits for the other's fault. Until a row is marked, the revocation log refuses
        what a look-up finds in it.
        """
        if self._directories is None:
            return await self._fleet.revoke(target)
        return all(await asyncio.gather(self._fleet.revoke(target), self._directories.end(target, actor)))

    async def revoke(self, target: RevocationTarget) -> bool:
        """Refuse callers of whom this was revoked; return whether everybody was told."""
        return self._owned is None or await self._owned.sessions.revoker.revoke(target)

    async def change(self, target: RevocationTarget) -> bool:
        """Look callers up again whose row changed; return whether everybody was told."""
        return self._owned is None or await self._owned.sessions.revoker.changed(target)

    async def close(self) -> None:
        """Close what was opened; the last call has ended."""
        if self._directories is not None:
            await self._directories.close()
        if self._owned is not None:
            await self._owned.close()

    async def _opened(self) -> Generation:
        """Return the generation of the API; raises GatewayError when a part of the config cannot be used."""
        async with self._opening:
            if self._generation is None:
                generation = await open_generation(self._settings, self._process)
                for past in await self._fleet.recorded():
                    generation.sessions.revoker.remember(past.target, past.at)
                self._owned = self._generation = generation
        return self._generation

    async def _caller_rules(self) -> CallerRules:
        sessions, admin = (await self._opened()).sessions, self._settings.admin
        readers = [sessions.readers[name] for name in admin.credentials]
        reading = CredentialReading(readers, OnMany.REJECT)
        return CallerRules(reading, sessions.resolver.resolve, admin.roles, frozenset(admin.origins))

    async def _explain(self, request: ExplainRequest) -> Explanation:
        headers = tuple((name.encode("utf-8"), value.encode("utf-8")) for name, value in request.headers)
        try:
            access = read_request(request.method, request.url, headers, self._oddities)
        except MalformedError as error:
            refusal = error.refusal
            return Explanation(allowed=False, status=refusal.status, code=str(refusal.code), detail=str(error))
        generation = await self._opened()
        decision = await decide_traceless(generation, access)
        return explanation_of(decision, self._settings, generation)


async def open_public_admin(settings: Settings, process: Process, generation: Generation, fleet: FleetHooks) -> None:
    """Let a generation answer by the API and its console at `admin.host`, where the config has one."""
    host = settings.admin.host
    if host is None:
        return
    api = AdminGeneration(settings, process, AdminTokens(), fleet, generation)
    bridge = ApplicationBridge(process.random_hex.draw, "public_port")
    await bridge.use(build_application([*console_routes(), *api.routes()], None))
    generation.opened.push_async_callback(api.close)
    generation.opened.push_async_callback(bridge.close)
    generation.public_port.add_beneath(PublicAdminEndpoint.beneath, PublicAdminEndpoint(host, bridge))


def _directories(settings: Settings, process: Process) -> AdminDirectories | None:
    found = _directory_settings(settings)
    if not found:
        return None
    # here and not above: a process without a directory never loads SQLAlchemy (30 MB)
    from gateway.wiring.admin_directories import AdminDirectories  # noqa: PLC0415 - see above

    return AdminDirectories(found, process)


def _record_operations(
    settings: Settings, directories: AdminDirectories, process: Process, fleet: FleetHooks
) -> tuple[ApiOperation, ...]:
    """Return the operations on the records that the API shows; none where it is not said which."""
    found = _directory_settings(settings)
    name = settings.admin.directory or (next(iter(found)) if len(found) == 1 else None)
    if name is None or name not in found:
        return ()
    from gateway.wiring.admin_records import AdminRecords  # noqa: PLC0415 - as above

    return AdminRecords(settings, name, directories, process, fleet).operations()


def _directory_settings(settings: Settings) -> dict[str, DirectorySettings]:
    return {name: each for name, each in settings.authorities.items() if isinstance(each, DirectorySettings)}
