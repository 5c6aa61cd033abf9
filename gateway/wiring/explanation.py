"""What would be decided about a request, and why, without leaving a trace: for `gateway explain` and the admin API."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from gateway.admin.explained import ExplainedCredential, Explanation
from gateway.config.check_own_paths import own_paths
from gateway.config.settings import Settings
from gateway.endpoints.forwarded_headers import forwarded_headers
from gateway.endpoints.own_paths import OWN
from gateway.model.answers import Found, Sessions
from gateway.model.decision import AccessRequest, Decision, HeaderPairs
from gateway.model.headers import Headers, spelling
from gateway.model.host import parse_host
from gateway.model.method import read_method
from gateway.model.route import RateLimit
from gateway.model.target import ALWAYS_READ, Oddity, parse_target
from gateway.model.url import without_passwords
from gateway.policy.limits import BucketState, Taken
from gateway.upstream.request_head import prefix_fields, target_of
from gateway.wiring.clock import wall_clock
from gateway.wiring.generation import Generation

CLIENT = "127.0.0.1"
"""The address of whoever sends an explained request, or a case that names none."""

_PUT_RIGHT = "Location, Content-Location and the Path of Set-Cookie"

_UNMASKED = 4
"""Characters of a secret that are shown: enough to recognize it, far too few to guess the rest."""


class Unlimited:
    """Rate limits that count nothing: an explained request is not sent."""

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take nothing: the bucket stays full."""
        return self.take_now(key, limit)

    def take_now(self, key: str, limit: RateLimit) -> Taken:  # noqa: ARG002 - the protocol's
        """Take nothing: the bucket stays full."""
        return Taken(limit, None, BucketState(limit.burst, limit.burst, 0.0))


async def decide_traceless(generation: Generation, access: AccessRequest) -> Decision:
    """Decide about a request as a generation would; what it looks up is not kept, and no limit is counted."""
    gate = generation.gate(Sessions(generation.sessions.resolver.peek), Unlimited())
    return await gate.decide(access)


def untraced(settings: Settings) -> Settings:
    """Return the settings without traces: an explanation leaves none."""
    return settings.model_copy(update={"telemetry": settings.telemetry.model_copy(update={"traces": "none"})})


def read_request(
    method: str, url: str, headers: HeaderPairs, allowed: Collection[Oddity] = ALWAYS_READ
) -> AccessRequest:
    """Return the request for `url`, which is absolute or a path alone; raises MalformedError.

    `allowed` is what some route allows a path to hold.
    """
    scheme, separator, rest = url.partition("://")
    if url.startswith("/") or not separator:
        scheme, authority, target = "http", "localhost", url
    else:
        end = min((place for place in map(rest.find, "/?#") if place >= 0), default=len(rest))
        authority, target = rest[:end], rest[end:]
    if not target.startswith("/"):
        target = f"/{target}"
    fields = Headers(headers)
    if b"host" not in fields:
        fields = Headers([(b"Host", authority.encode()), *headers])
    return AccessRequest(
        method=read_method(method.upper()),
        scheme="https" if scheme.lower() == "https" else "http",
        host=parse_host(fields.all(b"host"), "https" if scheme.lower() == "https" else "http"),
        target=parse_target(target, allowed),
        headers=fields,
        peer=CLIENT,
        client=CLIENT,
        received_at=wall_clock(),
        request_id="explain",
    )


def owner_of(settings: Settings, access: AccessRequest) -> str:
    """Return which endpoint of the gateway's own answers a request, empty where routes are looked for."""
    for own in own_paths(settings, dict(enumerate(settings.session_info))):
        if own.path == access.target.path and (not own.hosts or access.host.name in own.hosts):
            return own.owner
    return f"no route is looked for beneath {OWN}" if access.target.match.startswith(OWN) else ""


def explanation_of(decision: Decision, settings: Settings, generation: Generation) -> Explanation:
    """Return a decision in words."""
    owner, route = owner_of(settings, decision.access), decision.route
    if owner:
        return Explanation(allowed=True, answered_by=f"the gateway itself ({owner})")
    explanation = Explanation(
        allowed=decision.allowed,
        route=route.name if route is not None else None,
        access=str(route.access) if route is not None else None,
        credential=_credential(decision),
        rule=decision.rule,
    )
    if decision.refusal is not None:
        refusal = decision.refusal
        return msgspec.structs.replace(
            explanation, status=refusal.status, code=str(refusal.code), detail=refusal.detail
        )
    if decision.answered:
        return msgspec.structs.replace(explanation, answered_by="the gateway itself (a preflight)")
    return _forwarded(explanation, decision, settings, generation)


def _credential(decision: Decision) -> ExplainedCredential | None:
    credential, resolution = decision.credential, decision.resolution
    if credential is None:
        return None
    session = resolution.answer.session if isinstance(resolution.answer, Found) else None
    return ExplainedCredential(
        kind=str(credential.kind),
        reader=credential.reader,
        fingerprint=credential.fingerprint[:4].hex(),
        tier=str(resolution.tier),
        authority=resolution.authority or None,
        age=resolution.age,
        stale=resolution.stale,
        session=session.id if session is not None else None,
        subject=session.subject if session is not None else None,
    )


def _forwarded(explanation: Explanation, decision: Decision, settings: Settings, generation: Generation) -> Explanation:
    """Add the request that an upstream of the route would get, but for its `Host`."""
    route, access = decision.route, generation.shedding.bare(decision.access, decision.route)
    if route is None:
        return explanation
    named = ((b"X-Request-Id", access.request_id.encode("ascii")), (b"traceparent", b"(new)"))
    added = (*forwarded_headers(access, believed=False), *prefix_fields(route, access), *named, *decision.identity)
    secret_names = _secret_names(settings, generation) | {spelling(name) for name, _ in route.request_headers.fixed}
    fields = []
    for name, value in (*generation.request_heads.passing(route, route.upstream[0], access), *added):
        text = value.decode("latin-1")
        fields.append((name.decode("latin-1"), masked(text) if spelling(name) in secret_names else text))
    return msgspec.structs.replace(
        explanation,
        upstream=tuple(without_passwords(str(upstream)) for upstream in route.upstream),
        method=access.method,
        target=", ".join(dict.fromkeys(target_of(route, upstream, access.target) for upstream in route.upstream)),
        put_right=_PUT_RIGHT if route.rewrite_paths else None,
        headers=tuple(fields),
    )


def _secret_names(settings: Settings, generation: Generation) -> frozenset[bytes]:
    """Return the canonical names of the headers whose values are masked.

    A header that may be a credential and an identity field (`X-User-Id`) arrives with our value, so it is shown.
    """
    credentials = {spelling(name) for reader in generation.sessions.readers.values() for name in reader.headers}
    identity = {spelling(name.encode("ascii")) for name in settings.identity.headers.values()}
    token = settings.identity.token
    signed = {spelling(token.header.encode("ascii"))} if token is not None else set()
    return frozenset((credentials - identity) | signed | {b"authorization", b"cookie"})


def masked(value: str) -> str:
    """Return the beginning of a secret, and its length."""
    return f"{value[:_UNMASKED]}…({len(value)} characters)"
