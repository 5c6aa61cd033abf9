"""`gateway explain`: what would be decided about a request, and why, without leaving a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from gateway.admin.explained import ExplainedCredential, Explanation
from gateway.commands.case_writer import case_of, malformed_case
from gateway.commands.command_output import CommandResult
from gateway.config.load import load_settings
from gateway.config.settings import Settings, to_routes
from gateway.model.decision import Decision, HeaderPairs
from gateway.model.errors import MalformedError
from gateway.model.url import without_passwords
from gateway.policy.routes import RouteTable
from gateway.wiring.explanation import (
    decide_traceless,
    explanation_of,
    owner_of,
    read_request,
    untraced,
)
from gateway.wiring.generation import Generation, open_generation
from gateway.wiring.process import Process


async def explain(config: Path, method: str, url: str, headers: HeaderPairs, *, as_case: bool = False) -> CommandResult:
    """Decide about a request as `serve` would; raises SettingsError, and GatewayError for what cannot be opened.

    `as_case` prints the decision as an item of a file for `gateway test`, without a credential.
    """
    settings = load_settings(config, os.environ)
    try:
        table = RouteTable(to_routes(settings))
        access = read_request(method, url, headers, table.oddities)
    except MalformedError as error:
        if as_case:
            return CommandResult(malformed_case(method, url, error.refusal.status))
        return CommandResult(_line("decision", f"refused, {error.refusal.status}: {error}"))
    async with AsyncExitStack() as stack:
        process = Process()
        stack.push_async_callback(process.close)
        generation = await open_generation(untraced(settings), process)
        stack.push_async_callback(generation.close)
        decision = await decide_traceless(generation, access)
        if as_case:
            return CommandResult(_as_case(url, decision, settings, generation))
        lines = _explanation(explanation_of(decision, settings, generation))
        return CommandResult(without_passwords("\n".join(lines)))


def _explanation(explanation: Explanation) -> Iterator[str]:
    if explanation.answered_by is not None and explanation.route is None:
        yield _line("answered by", explanation.answered_by)
        return
    yield _line("route", f"{explanation.route} ({explanation.access})" if explanation.route is not None else "none")
    yield from _credential(explanation.credential)
    if not explanation.allowed:
        yield _line("decision", f"refused, {explanation.status} {explanation.code}")
        yield _line("rule", f"{explanation.rule} ({explanation.detail})")
        return
    yield _line("decision", "allowed")
    yield _line("rule", explanation.rule or "")
    if explanation.answered_by is not None:
        yield _line("answered by", explanation.answered_by)
        return
    yield _line("upstream", ", ".join(explanation.upstream))
    yield _line("is sent", f"{explanation.method} {explanation.target}")
    if explanation.put_right is not None:
        yield _line("put right", f"{explanation.put_right}, in the answer")
    for name, value in explanation.headers:
        yield f"  {name}: {value}"


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


def _credential(credential: ExplainedCredential | None) -> Iterator[str]:
    if credential is None:
        yield _line("credential", "none")
        return
    yield _line("credential", f"{credential.kind}, read by {credential.reader} ({credential.fingerprint})")
    by = f"{credential.tier}, {credential.authority}" if credential.authority else credential.tier
    yield _line("resolved by", f"{by}, {credential.age:.0f} s old{', stale' if credential.stale else ''}")
    if credential.subject is not None:
        yield _line("session", f"{credential.session or 'none'}, subject {credential.subject}")


def _line(name: str, text: str) -> str:
    return f"{name + ':':<13}{text}"
