"""The operations that need no directory: routes, `explain`, revocations, the state of things, and the document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import msgspec

from gateway.admin.api_operation import ApiOperation, ApiRequest
from gateway.admin.explained import ExplainRequest, Explanation
from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.fleet_state import FleetState, state_of
from gateway.admin.problems import ProblemError
from gateway.admin.route_views import RouteViews, views_of
from gateway.model.route import Route
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog, AuditOutcome

EndEverywhere = Callable[[RevocationTarget, Actor], Awaitable[bool]]
"""Ends something in the directories and wherever it is cached; tells whether all of that was done."""

Explain = Callable[[ExplainRequest], Awaitable[Explanation]]

_LONGEST_ID = 256


class NewRevocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to revoke, of our directory or of a foreign authority: exactly one of these ids."""

    session: str | None = None
    user: str | None = None
    api_key: str | None = None
    organization: str | None = None

    def target(self) -> RevocationTarget:
        """Return what is meant; raises ProblemError."""
        named = [(kind, id_) for kind, id_ in msgspec.structs.asdict(self).items() if id_ is not None]
        if len(named) != 1 or not 0 < len(named[0][1]) <= _LONGEST_ID or not named[0][1].isprintable():
            detail = "The body names exactly one session, user, api_key or organization by its id."
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_record", detail)
        return RevocationTarget(RevocationKind(named[0][0]), named[0][1])


class RevocationView(msgspec.Struct, frozen=True):
    """A revocation; `at` is in epoch seconds."""

    kind: str
    id: str
    at: float


class RevocationViews(msgspec.Struct, frozen=True):
    """The revocations that this gateway remembers, the oldest first."""

    rows: tuple[RevocationView, ...]


class OwnCalls:
    """What the endpoints run that need no directory."""

    def __init__(
        self, routes: Sequence[Route], explain: Explain, fleet: FleetHooks, end: EndEverywhere, audit: AuditLog
    ) -> None:
        self._routes = tuple(routes)
        self._explain = explain
        self._fleet = fleet
        self._end = end
        self._audit = audit

    async def list_routes(self, _request: ApiRequest) -> RouteViews:
        """Return the routes, with their overlaps."""
        return views_of(self._routes)

    async def explain(self, request: ApiRequest) -> Explanation:
        """Return what would be decided."""
        return await self._explain(request.body)

    async def show_state(self, _request: ApiRequest) -> FleetState:
        """Return what is wrong."""
        return await state_of(self._fleet)

    async def list_revocations(self, _request: ApiRequest) -> RevocationViews:
        """Return what was revoked here."""
        past = await self._fleet.recorded()
        return RevocationViews(tuple(RevocationView(each.target.kind.value, each.target.id, each.at) for each in past))

    async def revoke(self, request: ApiRequest) -> RevocationView:
        """Revoke everywhere; raises ProblemError where somebody could not be told."""
        target = request.body.target()
        outcome = AuditOutcome.FAILED
        try:
            outcome = AuditOutcome.DONE if await self._end(target, request.actor) else AuditOutcome.PARTLY
        finally:
            self._audit.revoked(request.actor, target, outcome)
        return _viewed(target, request, complete=outcome is AuditOutcome.DONE)

    async def notice_change(self, request: ApiRequest) -> RevocationView:
        """Have it looked up again everywhere; raises ProblemError where somebody could not be told."""
        target = request.body.target()
        return _viewed(target, request, complete=await self._fleet.change(target))


def _viewed(target: RevocationTarget, request: ApiRequest, *, complete: bool) -> RevocationView:
    if not complete:
        detail = "Not every replica and directory could be reached: call again."
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, {"Retry-After": "1"})
    return RevocationView(target.kind.value, target.id, request.now.timestamp())


def own_operations(calls: OwnCalls) -> tuple[ApiOperation, ...]:
    """Return the operations that need no directory."""
    return (*_what_is_known(calls), *_what_is_told(calls))


def _what_is_known(calls: OwnCalls) -> tuple[ApiOperation, ...]:
    return (
        ApiOperation(
            name="list_routes",
            method="GET",
            path="/v1/routes",
            summary="The routes as they were loaded, and their overlaps",
            permission="routes.read",
            run=calls.list_routes,
            answer=RouteViews,
        ),
        ApiOperation(
            name="explain",
            method="POST",
            path="/v1/explain",
            summary="What would be decided about a request, and why",
            permission="explain.read",
            run=calls.explain,
            body=ExplainRequest,
            answer=Explanation,
        ),
        ApiOperation(
            name="show_state",
            method="GET",
            path="/v1/state",
            summary="What is wrong right now: processes, Redis, authorities, upstreams",
            permission="state.read",
            run=calls.show_state,
            answer=FleetState,
        ),
    )


def _what_is_told(calls: OwnCalls) -> tuple[ApiOperation, ...]:
    return (
        ApiOperation(
            name="list_revocations",
            method="GET",
            path="/v1/revocations",
            summary="The revocations that this gateway remembers",
            permission="revocations.read",
            run=calls.list_revocations,
            answer=RevocationViews,
        ),
        ApiOperation(
            name="revoke",
            method="POST",
            path="/v1/revocations",
            summary="Revoke a session, user, API key or organization everywhere",
            permission="revocations.create",
            run=calls.revoke,
            body=NewRevocation,
            answer=RevocationView,
            status=201,
        ),
        ApiOperation(
            name="notice_change",
            method="POST",
            path="/v1/changes",
            summary="Look up again what is cached of something whose row was changed in the database",
            permission="revocations.create",
            run=calls.notice_change,
            body=NewRevocation,
            answer=RevocationView,
        ),
    )
