"""The admin API of one config: who may call it, and what its operations work with.

The port is the supervisor's, which serves nobody: so the API has a generation of its own, which looks up and explains
and never carries a request. It is opened by the first call that needs it, so that a gateway whose API nobody calls pays
nothing for it.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from gateway.admin.admin_callers import AdminCallers, CallerRules
from gateway.admin.admin_tokens import AdminTokens
from gateway.admin.api import Api
from gateway.admin.explained import ExplainRequest, Explanation
from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.openapi_v1 import with_document
from gateway.admin.own_operations import own_operations
from gateway.config.settings import Settings, to_routes
from gateway.credentials.reader import CredentialReading
from gateway.endpoints.access_reader import AccessReader
from gateway.model.errors import MalformedError
from gateway.model.route import OnMany
from gateway.policy.routes import RouteTable
from gateway.wiring.explanation import decide_traceless, explanation_of, read_request, untraced
from gateway.wiring.generation import Generation, open_generation
from gateway.wiring.process import Process


class AdminGeneration:
    """Makes the routes of the API under `settings`; `tokens` and `fleet` outlive it."""

    def __init__(self, settings: Settings, process: Process, tokens: AdminTokens, fleet: FleetHooks) -> None:
        self._settings = untraced(settings)
        self._process = process
        self._opening = asyncio.Lock()
        self._generation: Generation | None = None
        table = RouteTable(to_routes(settings))
        self._oddities = table.oddities
        accesses = AccessReader(settings.trusted_proxies, settings.limits.target_bytes, process.clock)
        callers = AdminCallers(tokens, accesses, self._caller_rules if settings.admin.credentials else None)
        operations = own_operations(table.routes, self._explain, fleet, process.audit)
        self._api = Api(with_document(operations), callers, process.audit, process.clock, settings.admin.body_bytes)

    def routes(self) -> list[web.RouteDef]:
        """Return the API's routes."""
        return self._api.routes()

    async def close(self) -> None:
        """Close what was opened; the last call has ended."""
        if self._generation is not None:
            await self._generation.close()

    async def _opened(self) -> Generation:
        """Return the generation of the API; raises GatewayError when a part of the config cannot be used."""
        async with self._opening:
            if self._generation is None:
                self._generation = await open_generation(self._settings, self._process)
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
