"""The judgement, told in order: who is this, and may this request pass?

Pure but for what is handed in: it knows no server and no client, so every endpoint (the proxy, forward-auth,
session-info, `explain`) judges by the same lines, and the data plane can be replaced without touching them. It never
forwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

import msgspec

from gateway.credentials.clearing import clearing_fields
from gateway.credentials.reader import CredentialReading, Reader
from gateway.identity.identity_headers import IdentityHeaders
from gateway.identity.identity_tokens import IdentityTokens
from gateway.model.answers import NOBODY, Found, Reason, Rejected, Resolution, Sessions, Unavailable
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Judged, then
from gateway.model.destination import MOVING
from gateway.model.memo import SessionMemo
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.route import Access, Route
from gateway.model.session import Session
from gateway.model.target import oddity_refusal
from gateway.policy.challenges import challenge_of
from gateway.policy.cross_origin import RoutesCors, is_foreign_cookie
from gateway.policy.destinations import refused_destination
from gateway.policy.limits import Limits
from gateway.policy.readings import refused_oddity
from gateway.policy.route_limits import RouteLimits
from gateway.policy.routes import RouteTable
from gateway.policy.rules import Rules


class Identified(msgspec.Struct, frozen=True):
    """What a request showed and whose it is. `reader` is the name of the reader that found something, if one did."""

    credential: Credential | None = None
    resolution: Resolution = NOBODY
    reader: str = ""


class _Matched(msgspec.Struct, frozen=True):
    """What a request's bytes alone decide: its route, what it shows there, or why it is refused in any case.

    `rule` is what decides where nothing is shown; `foreign` tells that a foreign page may have had the cookie sent.
    """

    route: Route | None
    refusal: Refusal | None = None
    rule: str = ""
    reading: Reading = None
    foreign: bool = False


class Gate:
    """Decides about requests of one generation.

    `explain` hands in sessions that leave no trace. Without `tokens` upstreams get headers alone.
    """

    def __init__(
        self,
        table: RouteTable,
        readers: Mapping[str, Reader],
        sessions: Sessions,
        identity: IdentityHeaders,
        limits: Limits,
        tokens: IdentityTokens | None = None,
    ) -> None:
        self._table = table
        self._readers = readers
        self._resolve = sessions.resolve
        self._remembered = sessions.remembered
        self._identity = identity
        self._tokens = tokens
        has_cors = any(route.cors is not None for route in table.routes)
        self._cors = RoutesCors(table, lambda route: _credential_fields(route, readers)) if has_cors else None
        self._limits = RouteLimits(table.routes, limits)
        self._rules_of = {route.name: Rules(route.require) for route in table.routes}
        self._judged: SessionMemo[tuple[Refusal | None, str, HeaderPairs]] = SessionMemo()
        self._readings = {
            route.name: CredentialReading([readers[name] for name in route.credentials], route.on_many)
            for route in table.routes
        }

    def identify(self, access: AccessRequest, reading: CredentialReading) -> Identified | Awaitable[Identified]:
        """Read with these readers and none else, and resolve what was shown, at once where its session is known."""
        credential = reading.read(access)
        if credential is None:
            return Identified()
        if isinstance(credential, Ambiguous):
            return Identified(None, _AMBIGUOUS, credential.reader)
        resolution = self._remembered(credential)
        if resolution is None:
            return self._identify_later(access, credential)
        return Identified(credential, resolution, credential.reader)

    async def _identify_later(self, access: AccessRequest, credential: Credential) -> Identified:
        return Identified(credential, await self._resolve(credential, access.client), credential.reader)

    async def decide(self, access: AccessRequest) -> Decision:
        """Judge one request, and wait for what that takes; see `decide_now`."""
        judged = self.decide_now(access)
        return judged if isinstance(judged, Decision) else await judged

    def decide_now(self, access: AccessRequest) -> Judged:
        """Judge one request: match, limit by address, read, resolve, judge by rules, compose, limit by subject.

        What needs no waiting is judged in this call; what has to wait makes the same calls when it has waited.
        """
        if self._cors is None:
            return self._decide(access)
        preflight = self._cors.preflight(access)
        return preflight if preflight is not None else then(self._decide(access), self._cors.with_fields)

    def _decide(self, access: AccessRequest) -> Judged:
        """Judge what is no preflight."""
        matched: _Matched | None = access.made.get(self)
        if matched is None:
            matched = access.made[self] = self._match(access)
        route = matched.route
        if route is None or matched.refusal is not None:
            return Decision(access=access, route=route, refusal=matched.refusal, rule=matched.rule)
        if route.rate_limit is None:
            return self._admit(access, route, matched)
        judged = self._limits.by_address(access, route, lambda: self._admit(access, route, matched))
        return then(judged, self._limits.by_caller)

    def _match(self, access: AccessRequest) -> _Matched:
        """Find the route, and read what the request shows there."""
        route = self._table.match(access.host.name, access.target.match, access.method)
        odd = refused_oddity(access.target, route)
        if odd is not None:
            return _Matched(route, oddity_refusal(odd), odd.value)
        if route is None:
            return _Matched(None, Refusal(RefusalCode.NOT_FOUND, "no route"), "match")
        astray = refused_destination(access, route, self._table) if access.method in MOVING else None
        if astray is not None:
            return _Matched(route, astray, "destination")
        if route.access is Access.PUBLIC:
            return _Matched(route, rule="public")
        reading = self._readings[route.name].read(access)
        if isinstance(reading, Credential):
            return _Matched(route, reading=reading, foreign=is_foreign_cookie(access, route.origins, reading))
        return _Matched(route, reading=reading, rule="optional" if route.access is Access.OPTIONAL else "access")

    def _admit(self, access: AccessRequest, route: Route, matched: _Matched) -> Judged:
        """Judge a request that met its route."""
        credential = matched.reading
        if credential is None:
            refusal = refusal_of(None) if matched.rule == "access" else None
            asked = challenge_of(route, refusal)
            return Decision(access=access, route=route, refusal=refusal, rule=matched.rule, caller_headers=asked)
        if isinstance(credential, Ambiguous):
            return self._turn_away(access, route, Identified(None, _AMBIGUOUS, credential.reader))
        if matched.foreign:
            refusal = Refusal(RefusalCode.FORBIDDEN, "a cookie from a foreign origin")
            return Decision(access=access, route=route, credential=credential, refusal=refusal, rule="origin")
        resolution = self._remembered(credential)
        if resolution is None:
            return self._look_up(access, route, credential)
        return self._judge(access, route, credential, resolution)

    async def _look_up(self, access: AccessRequest, route: Route, credential: Credential) -> Decision:
        return self._judge(access, route, credential, await self._resolve(credential, access.client))

    def _judge(self, access: AccessRequest, route: Route, credential: Credential, resolution: Resolution) -> Decision:
        """Judge by the rules of this route; a cached answer never skips them."""
        answer = resolution.answer
        if not isinstance(answer, Found):
            return self._turn_away(access, route, Identified(credential, resolution, credential.reader))
        session = answer.session
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
        repeated = answer == _AMBIGUOUS.answer
        refusal = refusal_of(None if isinstance(answer, Found) else answer)
        if repeated:
            refusal = msgspec.structs.replace(refusal, detail=f"two credentials were sent: {identified.reader}")
        fields: HeaderPairs = ()
        if not unanswered:
            reader = self._readers.get(identified.reader)
            fields = challenge_of(route, refusal) + clearing_fields(reader, access, route, repeated=repeated)
        return Decision(
            access=access,
            route=route,
            credential=identified.credential,
            resolution=identified.resolution,
            refusal=refusal,
            rule="authority" if unanswered else "credential",
            caller_headers=fields,
        )


def _credential_fields(route: Route, readers: Mapping[str, Reader]) -> set[bytes]:
    return {field for name in route.credentials for field in readers[name].headers}


_AMBIGUOUS = Resolution(answer=Rejected(Reason.AMBIGUOUS))
