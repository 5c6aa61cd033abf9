"""People who sign in to a running gateway's directory, as a login of one's own would let them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.session_operations import create_session
from gateway.directory.operations.session_rows import IssuedSession, NewSession
from gateway.directory.schema import open_current
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.wiring.clock import wall_clock
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.fakes.audited import Audited

WACHT_USER, MEMGHOST_USER, CHAT_USER = "user_456789123", "223e4567-e89b-12d3-a456-426614174001", "rbAXPnMktTFbNpwtJ"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
HOST = "gateway.test"
OWN_PAGE = f"Origin: http://{HOST}"


async def nobody_listens(target: RevocationTarget, *, ended: bool = False) -> None:
    """Take it that something changed: what is new is in nobody's cache."""
    del target, ended


async def sign_in(accounts: Mapping[str, Any], user: str, **fields: Any) -> IssuedSession:
    """Open a session in the directory that `accounts` describes."""
    settings = DirectorySettings.model_validate(accounts)
    async with open_current(settings.url.get_secret_value()) as directory:
        context = OperationContext(
            directory=directory,
            now=datetime.now(UTC),
            actor=Actor("command"),
            on_change=nobody_listens,
            audit=Audited().log,
            peppers=open_peppers(settings),
            tokens=open_tokens(settings, wall_clock),
        )
        return await create_session(context, NewSession(user=user, **fields))


def bearer(issued: IssuedSession) -> str:
    """Return the header line that shows a session by its bearer token."""
    return f"Authorization: Bearer {issued.bearer}"


def cookie(issued: IssuedSession) -> str:
    """Return the header line that shows a session by its cookie."""
    return f"Cookie: __session={issued.cookie}"


def pair(issued: IssuedSession) -> tuple[str, str]:
    """Return the header lines that show a session by its user id and login token."""
    assert issued.pair is not None
    return f"X-User-Id: {issued.pair.user_id}", f"X-Auth-Token: {issued.pair.token}"


async def call(port: int, request_line: str, *lines: str, body: str | None = None) -> RawResponse:
    """Send one request on a connection of its own."""
    if body is not None:
        lines += (f"Content-Length: {len(body.encode())}",)
    head = (f"{request_line} HTTP/1.1", f"Host: {HOST}", "Connection: close", *lines)
    return await exchange(port, "".join(f"{line}\r\n" for line in head).encode() + b"\r\n" + (body or "").encode())
