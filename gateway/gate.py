"""The judgement, told in order: who is this, and may this request pass?

Pure but for what is handed in: it knows no server and no client, so every endpoint (the proxy, forward-auth,
session-info, `explain`) judges by the same lines, and the data plane can be replaced without touching them. It never
forwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from gateway.credentials.reader import Reader, RouteReading, read_one
from gateway.identity.identity_headers import IdentityHeaders
from gateway.identity.identity_tokens import IdentityTokens
from gateway.model.answers import NOBODY, Found, Reason, Rejected, Resolution, Unavailable
from gateway.model.credential import Ambiguous, Credential, CredentialKind
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Judged, then
from gateway.model.memo import SessionMemo
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.route import Access, OnMany, Route
from gateway.model.session import Session
from gateway.policy.cross_origin import Cors, is_foreign_cookie, requested_method
from gateway.policy.limits import Limits, RateLimiter, Taken
from gateway.policy.routes import RouteTable
from gateway.policy.rules import Rules

Resolve = Callable[[Credential], Awaitable[Resolution]]
Remembered = Callable[[Credential], Resolution | None]
"""Resolves at once, or not at all."""


def nothing(_credential: Credential) -> Resolution | None:
    """Remember nobody: each session is looked up."""
    return None


class Identified(msgspec.Struct, frozen=True):
    """What a request showed and whose it is. `reader` is the name of the reader that found something, if one did."""

    credential: Credential | None = None
    resolution: Resolution = NOBODY
    reader: str = ""


class Gate:
    """Decides about requests of one generation.

    `resolve` is the resolver's, and `remembered` what it answers without waiting; `explain` hands in one that leaves no
    trace. Without `tokens` upstreams get headers alone.
    """

    def __init__(
        self,
        table: RouteTable,
        readers: Mapping[str, Reader],
        resolve: Resolve,
        identity: IdentityHeaders,
        limits: Limits,
        tokens: IdentityTokens | None = None,
        *,
        remembered: Remembered = nothing,
    ) -> None:
        self._table = table
        self._readers = readers
        self._resolve = resolve
        self._remembered = remembered
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
        self._readings = {
            route.name: RouteReading([readers[name] for name in route.credentials], route.on_many)
            for route in table.routes
        }

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

    async def decide(self, access: AccessRequest) -> Decision:
        """Judge one request, and wait for what that takes; see `decide_now`."""
        judged = self.decide_now(access)
        return judged if isinstance(judged, Decision) else await judged

    def decide_now(self, access: AccessRequest) -> Judged:
        """Judge one request: match, limit by address, read, resolve, judge by rules, compose, limit by subject.

        What needs no waiting is judged in this call; what has to wait makes the same calls when it has waited.
        """
        if not self._cors_of:
            return self._decide(access)
        preflight = self._preflight(access)
        return preflight if preflight is not None else then(self._decide(access), self._with_cors)

    def _with_cors(self, decision: Decision) -> Decision:
        cors = self._cors_of.get(decision.route.name) if decision.route is not None else None
        return decision if cors is None else _with_fields(decision, cors.fields(decision.access))

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

    def _decide(self, access: AccessRequest) -> Judged:
        """Judge what is no preflight."""
        route = self._table.match(access.host.name, access.target.match, access.method)
        if access.target.has_parameters and not (route is not None and route.path_parameters):
            refusal = Refusal(RefusalCode.MALFORMED, "the path has parameters, and no route here allows them")
            return Decision(access=access, route=route, refusal=refusal, rule="path_parameters")
        if route is None:
            return Decision(access=access, refusal=Refusal(RefusalCode.NOT_FOUND, "no route"), rule="match")
        limiter = self._limiters.get(route.name)
        bucket = limiter.address_bucket(access.client) if limiter is not None else None
        if limiter is None or bucket is None:
            return self._admit(access, route)
        taken = limiter.take_now(bucket)
        if taken is None:
            return self._admit_counted(access, route, limiter.take(bucket))
        return self._admit_limited(access, route, taken)

    async def _admit_counted(self, access: AccessRequest, route: Route, taking: Coroutine[Any, Any, Taken]) -> Decision:
        judged = self._admit_limited(access, route, await taking)
        return judged if isinstance(judged, Decision) else await judged

    def _admit_limited(self, access: AccessRequest, route: Route, taken: Taken) -> Judged:
        """Judge a request whose address was counted."""
        if taken.refusal is not None:
            return _limited(Decision(access=access, route=route), taken)
        return then(self._admit(access, route), lambda decision: _with_fields(decision, taken.fields))

    def _admit(self, access: AccessRequest, route: Route) -> Judged:
        """Judge a request that met its route."""
        if route.access is Access.PUBLIC:
            return Decision(access=access, route=route, rule="public")
        reading = self._readings[route.name].read(access)
        if isinstance(reading, Credential):
            return self._identify(access, route, reading)
        if isinstance(reading, Ambiguous):
            return self._turn_away(access, route, Identified(None, _AMBIGUOUS, reading.reader))
        if route.access is Access.OPTIONAL:
            return Decision(access=access, route=route, rule="optional")
        return Decision(access=access, route=route, refusal=refusal_of(None), rule="access")

    def _identify(self, access: AccessRequest, route: Route, credential: Credential) -> Judged:
        """Judge a request that shows one credential."""
        if is_foreign_cookie(access, route.origins, credential):
            refusal = Refusal(RefusalCode.FORBIDDEN, "a cookie from a foreign origin")
            return Decision(access=access, route=route, credential=credential, refusal=refusal, rule="origin")
        resolution = self._remembered(credential)
        judged: Judged = (
            self._look_up(access, route, credential)
            if resolution is None
            else self._judge(access, route, credential, resolution)
        )
        return judged if route.rate_limit is None else then(judged, self._count_caller)

    async def _look_up(self, access: AccessRequest, route: Route, credential: Credential) -> Decision:
        return self._judge(access, route, credential, await self._resolve(credential))

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

    def _count_caller(self, decision: Decision) -> Judged:
        """Count an allowed request of a known caller, if this route counts callers and not addresses."""
        route, session = decision.route, decision.resolution.session
        limiter = self._limiters.get(route.name) if route is not None else None
        if limiter is None or session is None or not decision.allowed:
            return decision
        bucket = limiter.caller_bucket(session)
        if bucket is None:
            return decision
        taken = limiter.take_now(bucket)
        return _counted(decision, limiter.take(bucket)) if taken is None else _limited(decision, taken)


async def _counted(decision: Decision, taking: Coroutine[Any, Any, Taken]) -> Decision:
    return _limited(decision, await taking)


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
