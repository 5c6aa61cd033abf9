"""`gateway explain`: what would be decided about a request, and why, without leaving a trace."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from gateway.commands.cases import CLIENT, case_of, malformed_case
from gateway.commands.command_output import CommandResult
from gateway.config.check_routes import own_paths
from gateway.config.load import load_settings
from gateway.config.settings import Settings, to_routes
from gateway.endpoints.access_reader import forwarded_headers
from gateway.endpoints.public_port import OWN
from gateway.gate import Sessions
from gateway.model.answers import Found
from gateway.model.decision import AccessRequest, Decision, HeaderPairs
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers, spelling
from gateway.model.host import parse_host
from gateway.model.route import RateLimit
from gateway.model.target import ALWAYS_READ, Oddity, parse_target
from gateway.model.url import without_passwords
from gateway.policy.limits import BucketState, Taken
from gateway.policy.routes import RouteTable
from gateway.upstream.request_head import target_of
from gateway.wiring.generation import Generation, open_generation
from gateway.wiring.process import Process, wall_clock

_UNMASKED = 4
"""Characters of a secret that are shown: enough to recognize it, far too few to guess the rest."""


async def explain(config: Path, method: str, url: str, headers: HeaderPairs, *, as_case: bool = False) -> CommandResult:
    """Decide about a request as `serve` would; raises SettingsError, and GatewayError for what cannot be opened.

    `as_case` prints the decision as an item of a file for `gateway test`, without a credential.
    """
    settings = load_settings(config, os.environ)
    try:
        access = read_request(method, url, headers, RouteTable(to_routes(settings)).oddities)
    except MalformedError as error:
        if as_case:
            return CommandResult(malformed_case(method, url, error.refusal.status))
        return CommandResult(_line("decision", f"refused, {error.refusal.status}: {error}"))
    async with AsyncExitStack() as stack:
        process = Process()
        stack.push_async_callback(process.close)
        generation = await open_generation(_untraced(settings), process)
        stack.push_async_callback(generation.close)
        gate = generation.gate(Sessions(generation.sessions.resolver.peek), Unlimited())
        decision = await gate.decide(access)
        if as_case:
            return CommandResult(_as_case(url, decision, settings, generation))
        return CommandResult(without_passwords("\n".join(_explanation(decision, settings, generation))))


def _untraced(settings: Settings) -> Settings:
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
        method=method.upper(),
        scheme="https" if scheme.lower() == "https" else "http",
        host=parse_host(fields.all(b"host"), "https" if scheme.lower() == "https" else "http"),
        target=parse_target(target, allowed),
        headers=fields,
        peer=CLIENT,
        client=CLIENT,
        received_at=wall_clock(),
        request_id="explain",
    )


class Unlimited:
    """Rate limits that count nothing: an explained request is not sent."""

    async def take(self, key: str, limit: RateLimit) -> Taken:
        """Take nothing: the bucket stays full."""
        return self.take_now(key, limit)

    def take_now(self, key: str, limit: RateLimit) -> Taken:  # noqa: ARG002 - the protocol's
        """Take nothing: the bucket stays full."""
        return Taken(limit, None, BucketState(limit.burst, limit.burst, 0.0))


def owner_of(settings: Settings, access: AccessRequest) -> str:
    """Return which endpoint of the gateway's own answers a request, empty where routes are looked for."""
    for own in own_paths(settings, dict(enumerate(settings.session_info))):
        if own.path == access.target.path and (not own.hosts or access.host.name in own.hosts):
            return own.owner
    return f"no route is looked for beneath {OWN}" if access.target.match.startswith(OWN) else ""


def _explanation(decision: Decision, settings: Settings, generation: Generation) -> Iterator[str]:
    owner = owner_of(settings, decision.access)
    if owner:
        yield _line("answered by", f"the gateway itself ({owner})")
        return
    route = decision.route
    yield _line("route", f"{route.name} ({route.access})" if route is not None else "none")
    yield from _credential(decision)
    if decision.refusal is not None:
        yield _line("decision", f"refused, {decision.refusal.status} {decision.refusal.code}")
        yield _line("rule", f"{decision.rule} ({decision.refusal.detail})")
        return
    yield _line("decision", "allowed")
    yield _line("rule", decision.rule)
    if decision.answered:
        yield _line("answered by", "the gateway itself (a preflight)")
        return
    yield from _forwarded(decision, settings, generation)


def _as_case(url: str, decision: Decision, settings: Settings, generation: Generation) -> str:
    """Return the decision as a case, without what holds a credential: the case names its caller."""
    bare = decision.access
    for reader in generation.sessions.readers.values():
        bare = reader.without(bare)
    headers, heads = bare.headers, generation.request_heads
    if bare.target.query != decision.access.target.query:
        url = url.partition("?")[0] + (f"?{bare.target.query}" if bare.target.query is not None else "")
    secret = {name for reader in generation.sessions.readers.values() for name in reader.headers}
    secret |= {b"authorization", b"cookie"}
    fields = [field for field in headers.raw if field[0].lower() not in secret and not _is_urls_host(url, field)]
    if cookies := heads.passing_cookie(headers, keep_credentials=False):
        fields.append((b"Cookie", cookies))
    token = settings.identity.token
    unsigned = [field for field in decision.identity if token is None or field[0].decode("ascii") != token.header]
    decision = msgspec.structs.replace(decision, identity=tuple(unsigned))
    return case_of(url, decision, tuple(fields), own=bool(owner_of(settings, decision.access)))


def _is_urls_host(url: str, field: tuple[bytes, bytes]) -> bool:
    """Tell whether a field is the Host that the URL names already."""
    name, value = field
    return name.lower() == b"host" and (value == b"localhost" or f"://{value.decode('latin-1')}" in url)


def _credential(decision: Decision) -> Iterator[str]:
    credential, resolution = decision.credential, decision.resolution
    if credential is None:
        yield _line("credential", "none")
        return
    yield _line("credential", f"{credential.kind}, read by {credential.reader} ({credential.fingerprint[:4].hex()})")
    by = f"{resolution.tier}, {resolution.authority}" if resolution.authority else resolution.tier
    yield _line("resolved by", f"{by}, {resolution.age:.0f} s old{', stale' if resolution.stale else ''}")
    if isinstance(resolution.answer, Found):
        session = resolution.answer.session
        yield _line("session", f"{session.id or 'none'}, subject {session.subject}")


def _forwarded(decision: Decision, settings: Settings, generation: Generation) -> Iterator[str]:
    """Yield the request that an upstream of the route would get, but for its `Host`."""
    route, access = decision.route, generation.shedding.bare(decision.access, decision.route)
    if route is None:
        return
    named = ((b"X-Request-Id", access.request_id.encode("ascii")), (b"traceparent", b"(new)"))
    added = (*forwarded_headers(access, believed=False), *named, *decision.identity)
    secret_names = _secret_names(settings, generation) | {spelling(name) for name, _ in route.request_headers.fixed}
    yield _line("upstream", ", ".join(str(upstream) for upstream in route.upstream))
    yield _line("is sent", f"{access.method} {target_of(route.strip_prefix, access.target)}")
    for name, value in (*generation.request_heads.passing(route, access.headers), *added):
        text = value.decode("latin-1")
        yield f"  {name.decode('latin-1')}: {_masked(text) if spelling(name) in secret_names else text}"


def _secret_names(settings: Settings, generation: Generation) -> frozenset[bytes]:
    """Return the canonical names of the headers whose values are masked.

    A header that may be a credential and an identity field (`X-User-Id`) arrives with our value, so it is shown.
    """
    credentials = {spelling(name) for reader in generation.sessions.readers.values() for name in reader.headers}
    identity = {spelling(name.encode("ascii")) for name in settings.identity.headers.values()}
    token = settings.identity.token
    signed = {spelling(token.header.encode("ascii"))} if token is not None else set()
    return frozenset((credentials - identity) | signed | {b"authorization", b"cookie"})


def _masked(value: str) -> str:
    return f"{value[:_UNMASKED]}…({len(value)} characters)"


def _line(name: str, text: str) -> str:
    return f"{name + ':':<13}{text}"
