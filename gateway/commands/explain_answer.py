"""`gateway explain --session-info`: what an answer of a remote authority would become."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gateway.authorities.remote import RemoteSettings
from gateway.commands.command_output import CommandResult
from gateway.config.load import load_settings
from gateway.config.settings import Settings
from gateway.dialects.dialect import RemoteResponse
from gateway.dialects.kinds import speak
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import UNDECODABLE, GatewayError
from gateway.model.refusal import Refusal
from gateway.source.json_paths import find
from gateway.wiring.clock import wall_clock

_NOBODY = Credential("explain", CredentialKind.BEARER, "", ("explain",), b"")
"""Stands for the credential that the answer would be about."""


async def explain_answer(config: Path, authority: str, answer: Path | None, status: int) -> CommandResult:
    """Tell what a JSON answer with that status would become, asking nobody; without `answer` it is standard input.

    Raises SettingsError, and GatewayError for an authority or a file that is not there.
    """
    settings = load_settings(config, os.environ)
    remote = settings.authorities.get(authority)
    if not isinstance(remote, RemoteSettings):
        raise GatewayError(f"{authority} is no authority of kind remote")
    body = _read(answer)
    verdict = speak(remote.dialect, remote).decode(RemoteResponse(status, "application/json", body), _NOBODY)
    return CommandResult("\n".join((*_places(remote, body), *_explanation(verdict, settings))))


def _read(answer: Path | None) -> bytes:
    try:
        return sys.stdin.buffer.read() if answer is None else answer.read_bytes()
    except OSError as error:
        raise GatewayError(f"{answer} cannot be read: {error.strerror or type(error).__name__}") from None


def _places(remote: RemoteSettings, body: bytes) -> Iterator[str]:
    """Yield what stands at each place that the config names, where the dialect has such places."""
    claims = getattr(remote, "claims", None)
    try:
        document = msgspec.json.decode(body)
    except UNDECODABLE:
        yield _line("answer", "is no JSON")
        return
    if claims is None:
        return
    paths = claims.model_dump(exclude={"free"}) | {f"free.{name}": path for name, path in claims.free.items()}
    for field, path in paths.items():
        if path:
            yield _line(field, f"{path} is {_shown(find(document, path))}")


def _shown(value: Any) -> str:
    return "absent, or null" if value is None else msgspec.json.encode(value).decode("utf-8")


def _explanation(verdict: Found | Rejected | Unavailable, settings: Settings) -> Iterator[str]:
    match verdict:
        case Rejected(reason, detail):
            status = 403 if reason == "forbidden" else 401
            yield _line("becomes", f"rejected, {reason}: its caller gets {status}" + (f" ({detail})" if detail else ""))
        case Unavailable(detail, seconds):
            yield _line("becomes", f"cannot tell: its caller gets 503, and may try again in {seconds} s ({detail})")
        case Found(session):
            expires_at = verdict.expires_at or session.expires_at
            ended = expires_at is not None and expires_at <= datetime.fromtimestamp(wall_clock(), UTC)
            yield _line("becomes", f"a session of {session.subject}{', which has expired' if ended else ''}")
            yield _line("session", msgspec.json.encode(session).decode("utf-8"))
            yield from _told(verdict, settings)


def _told(found: Found, settings: Settings) -> Iterator[str]:
    """Yield what an upstream would be told of the session, whatever the credential was read from."""
    identity = settings.identity
    names = {field: name for field, name in identity.headers.items() if field != "auth_method"}
    composed = IdentityHeaders(names, value_bytes=identity.value_bytes).compose(found.session, _NOBODY.kind)
    if isinstance(composed, Refusal):
        yield _line("upstream", f"is told nothing: {composed.detail}")
        return
    yield "an upstream is told:"
    yield from (f"  {name.decode('ascii')}: {value.decode('ascii')}" for name, value in composed)


def _line(name: str, text: str) -> str:
    return f"{name + ':':<19}{text}"
