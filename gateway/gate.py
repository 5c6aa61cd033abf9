"""The judgement, told in order: who is this, and may this request pass?

Pure but for what is handed in: it knows no server and no client, so every endpoint (the proxy, forward-auth,
session-info, `explain`) judges by the same lines, and the data plane can be replaced without touching them. It never
forwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from gateway.credentials.reader import Reader, read_one
from gateway.identity.identity_headers import IdentityHeaders
from gateway.identity.identity_tokens import IdentityTokens
from gateway.model.answers import NOBODY, Found, Reason, Rejected, Resolution, Unavailable
from gateway.model.credential import Ambiguous, Credential, CredentialKind
from gateway.model.decision import AccessRequest, Decision, HeaderPairs
from gateway.model.memo import SessionMemo
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.route import Access, OnMany, Route
from gateway.model.session import Session
from gateway.policy.cross_origin import Cors, is_foreign_cookie, requested_method
from gateway.policy.limits import Limits, RateLimiter, Taken
from gateway.policy.routes import RouteTable
from gateway.policy.rules import Rules

Resolve = Callable[[Credential], Awaitable[Resolution]]


class Identified(msgspec.Struct, frozen=True):
    """What a request showed and whose it is. `reader` is the name of the reader that found something, if one did."""

    credential: Credential | None = None
    resolution: Resolution = NOBODY
    reader: str = ""


class Gate:
    """Decides about requests of one generation.

    `resolve` is the resolver's; `explain` hands in one that leaves no trace. Without `tokens` upstreams get headers
    alone.
    """

    def __init__(
        self,
        table: RouteTable,
        readers: Mapping[str, Reader],
        resolve: Resolve,
        identity: IdentityHeaders,
        limits: Limits,
        tokens: IdentityTokens | None = None,
    ) -> None:
        self._table = table
        self._readers = readers
        self._resolve = resolve
        self._identity = identity
        self._tokens = tokens
        self._cors_of = {
            route.name: Cors(route.cors, _credential_fields(route, readers), sorted(route.match.methods) or _METHODS)
            for route in table.routes
            if route.cors is not None
        }
        self._limiters = {
            route.name: RateLimiter(route.name, route.rate_limit, limits)
            for route in table.routes
            if route.rate_limit is not None
        }
        self._rules_of = {route.name: Rules(route.require) for route in table.routes}
        self._judged: SessionMemo[tuple[Refusal | None, str, HeaderPairs]] = SessionMemo()
        self._readers_of = {route.name: tuple(readers[name] for name in route.credentials) for route in table.routes}

    async def identify(
        self, access: AccessRequest, readers: Sequence[Reader], on_many: OnMany = OnMany.REJECT
    ) -> Identified:
        """Read with `readers` and none else, and resolve what was shown."""
        reading = read_one(readers, access, on_many)
        if reading is None:
            return Identified()
        if isinstance(reading, Ambiguous):
            return Identified(None, _AMBIGUOUS, reading.reader)
        return Identified(reading, await self._resolve(reading), reading.reader)

    def decide(self, access: AccessRequest) -> Awaitable[Decision]:
        """Judge one request: match, limit by address, read, resolve, judge by rules, compose, limit by subject."""
        return self._decide_with_cors(access) if self._cors_of else self._decide(access)

    async def _decide_with_cors(self, access: AccessRequest) -> Decision:
        decision = self._preflight(access) or await self._decide(access)
        cors = self._cors_of.get(decision.route.name) if decision.route is not None else None
        return decision if cors is None or decision.answered else _with_fields(decision, cors.fields(access))

    def _preflight(self, access: AccessRequest) -> Decision | None:
        """Answer a listed page that asks whether it may ask; it comes without a credential (Fetch standard).

        Judged by the route of the method that is asked about; `None` for an ordinary request.
        """
        method = requested_method(access)
        route = self._table.match(access.host.name, access.target.match, method) if method is not None else None
        cors = self._cors_of.get(route.name) if route is not None else None
        fields = cors.preflight(access) if cors is not None else None
        if route is None or fields is None or (access.target.has_parameters and not route.path_parameters):
            return None
        return Decision(access=access, route=route, rule="preflight", caller_headers=fields, answered=True)

    async def _decide(self, access: AccessRequest) -> Decision:
        """Judge what is no preflight."""
        route = self._table.match(access.host.name, access.target.match, access.method)
        if access.target.has_parameters and not (route is not None and route.path_parameters):
            refusal = Refusal(RefusalCode.MALFORMED, "the path has parameters, and no route here allows them")
            return Decision(access=access, route=route, refusal=refusal, rule="path_parameters")
        if route is None:
            return Decision(access=access, refusal=Refusal(RefusalCode.NOT_FOUND, "no route"), rule="match")
        limiter = self._limiters.get(route.name)
        taken = await limiter.take_by_address(access.client) if limiter is not None else None
        if taken is None:
            return await self._admit(access, route)
        if taken.refusal is not None:
            return _limited(Decision(access=access, route=route), taken)
        return _with_fields(await self._admit(access, route), taken.fields)

    async def _admit(self, access: AccessRequest, route: Route) -> Decision:
        """Judge a request that met its route."""
        if route.access is Access.PUBLIC:
            return Decision(access=access, route=route, rule="public")
        reading = read_one(self._readers_of[route.name], access, route.on_many)
        if isinstance(reading, Credential) and is_foreign_cookie(access, route.origins, reading):
            refusal = Refusal(RefusalCode.FORBIDDEN, "a cookie from a foreign origin")
            return Decision(access=access, route=route, credential=reading, refusal=refusal, rule="origin")
        if isinstance(reading, Credential):
            decision = self._judge(access, route, reading, await self._resolve(reading))
            return decision if route.rate_limit is None else await self._count_caller(decision, route)
        if isinstance(reading, Ambiguous):
            return self._turn_away(access, route, Identified(None, _AMBIGUOUS, reading.reader))
        if route.access is Access.OPTIONAL:
            return Decision(access=access, route=route, rule="optional")
        return Decision(access=access, route=route, refusal=refusal_of(None), rule="access")

    def _judge(self, access: AccessRequest, route: Route, credential: Credential, resolution: Resolution) -> Decision:
        """Judge by the rules of this route; a cached answer never skips them."""
        session = resolution.session
        if session is None:
            return self._turn_away(access, route, Identified(credential, resolution, credential.reader))
        refusal, rule, identity = self._by_rules(route, session, credential.kind)
        if refusal is None and self._tokens is not None:
            identity += self._tokens.header_for(session, route.audience, credential)
        return Decision(
            access=access,
            route=route,
            credential=credential,
            resolution=resolution,
            refusal=refusal,
            rule=rule,
            identity=identity,
        )

    def _by_rules(
        self, route: Route, session: Session, kind: CredentialKind
    ) -> tuple[Refusal | None, str, HeaderPairs]:
        """Return the refusal, the rule that decided, and what the upstream is told.

        Rules and composition are pure, so what they make of one session object is remembered: a cached session is the
        same object from one request to the next, and a changed one is another.
        """
        key = (route.name, kind)
        judged = self._judged.get(session, key)
        if judged is None:
            judged = self._judge_session(route, session, kind)
            self._judged.put(session, key, judged)
        return judged

    def _judge_session(
        self, route: Route, session: Session, kind: CredentialKind
    ) -> tuple[Refusal | None, str, HeaderPairs]:
        broken = self._rules_of[route.name].broken(session, kind)
        if broken is not None:
            return Refusal(RefusalCode.FORBIDDEN, broken), broken, ()
        composed = self._identity.compose(session, kind)
        if isinstance(composed, Refusal):
            return composed, "identity", ()
        return None, "access", composed

    def _turn_away(self, access: AccessRequest, route: Route, identified: Identified) -> Decision:
        """Refuse what was shown and is no good, or cannot be told; on optional routes too."""
        answer = identified.resolution.answer
        unanswered = isinstance(answer, Unavailable)
        return Decision(
            access=access,
            route=route,
            credential=identified.credential,
            resolution=identified.resolution,
            refusal=refusal_of(None if isinstance(answer, Found) else answer),
            rule="authority" if unanswered else "credential",
            # A browser cannot stop sending a dead cookie by itself: without this it would be locked out of a page that
            # anybody else may see.
            caller_headers=self._clearing(identified.reader)
            if route.access is Access.OPTIONAL and not unanswered
            else (),
        )

    def _clearing(self, reader_name: str) -> HeaderPairs:
        reader = self._readers.get(reader_name)
        return reader.clearing() if reader is not None and reader.kind is CredentialKind.COOKIE else ()

    async def _count_caller(self, decision: Decision, route: Route) -> Decision:
        """Count an allowed request of a known caller, if this route counts callers and not addresses."""
        limiter, session = self._limiters.get(route.name), decision.resolution.session
        if limiter is None or session is None or not decision.allowed:
            return decision
        taken = await limiter.take_by_caller(session)
        return decision if taken is None else _limited(decision, taken)


def _limited(decision: Decision, taken: Taken) -> Decision:
    """Return the decision with the fields of the rate limit, and refused where there was no token."""
    decision = _with_fields(decision, taken.fields)
    if taken.refusal is None:
        return decision
    return msgspec.structs.replace(decision, refusal=taken.refusal, rule="rate_limit", identity=())


def _with_fields(decision: Decision, fields: HeaderPairs) -> Decision:
    return msgspec.structs.replace(decision, caller_headers=(*decision.caller_headers, *fields))


def _credential_fields(route: Route, readers: Mapping[str, Reader]) -> set[bytes]:
    return {field for name in route.credentials for field in readers[name].headers}


_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_AMBIGUOUS = Resolution(answer=Rejected(Reason.AMBIGUOUS))
