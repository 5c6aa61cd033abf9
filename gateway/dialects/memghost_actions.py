"""memghost's actions: logging out, and new access tokens for refresh tokens."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import get_args

import msgspec
from typing_extensions import override

from gateway.dialects.action import (
    Action,
    ActionCall,
    ActionReply,
    ConcurrentRefreshError,
    DialectActions,
    SessionOperations,
    TokenPairGranted,
    body_as,
)
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, json_response, retry_after_header
from gateway.dialects.memghost import BAD_TOKEN, Memghost, MemghostActionName, MemghostError
from gateway.model.answers import Verdict
from gateway.model.errors import MissingRecordError
from gateway.model.refusal import Refusal, RefusalCode

_ACCEPTED = 202
"""Commands are accepted, and queries answered: the product's own way."""

_INVALID = MemghostError("invalid_request", "Invalid request parameters")
_FORBIDDEN = MemghostError("unauthorized", "This is not allowed")
_AT_ONCE = MemghostError("version_conflict", "The refresh token was used at the same moment")
_AWAY = MemghostError("internal_error", "The service is temporarily unavailable")


class RefreshBody(msgspec.Struct):
    """The refresh token that is shown."""

    refresh_token: str


class MemghostTokens(msgspec.Struct):
    """New tokens; the refresh token that was shown is good no more. `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a type, not a secret


class MemghostActions(DialectActions):
    """The actions that a config lists."""

    def __init__(self, listed: tuple[MemghostActionName, ...]) -> None:
        self._words = Memghost()
        self.name = self._words.name
        documented = self._words.documented("")
        failures = {status: each for status, each in documented.items() if status >= HTTPStatus.BAD_REQUEST}
        failures |= {400: Documented(MemghostError, "The body is wrong"), 403: Documented(MemghostError, "Not allowed")}
        at_once = {409: Documented(MemghostError, "The same refresh token was used at the same moment")}
        made = {
            "logout": Action(
                method="POST",
                paths=("/auth/logout", "/api/v1/auth/logout"),
                run=_log_out,
                summary="End the token's session",
                responses={202: Documented(None, "It is over"), **failures},
            ),
            "refresh": Action(
                method="POST",
                paths=("/auth/refresh", "/api/v1/auth/refresh"),
                run=_refresh,
                without_caller=True,
                issues_tokens=True,
                summary="A new access token for a refresh token",
                responses={202: Documented(MemghostTokens, "The tokens"), **failures, **at_once},
                body=RefreshBody,
            ),
        }
        self.actions = tuple(made[name] for name in get_args(MemghostActionName) if name in listed)

    @override
    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        return self._words.reply(verdict, info_request)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        match refusal.code:
            case RefusalCode.FORBIDDEN:
                return json_response(403, _FORBIDDEN)
            case RefusalCode.MALFORMED | RefusalCode.TOO_LARGE | RefusalCode.TIMEOUT:
                return json_response(refusal.status, _INVALID)
            case RefusalCode.NOT_FOUND:
                return json_response(401, BAD_TOKEN)
            case RefusalCode.UNAVAILABLE:
                return json_response(503, _AWAY, retry_after_header(refusal.retry_after))
        return self._words.refuse(refusal, info_request)


async def _log_out(call: ActionCall, operations: SessionOperations) -> ActionReply:
    with suppress(MissingRecordError):  # it ended at the same moment, which is what is wanted
        await operations.end(call.session.id or "")
    location = call.info.path.removesuffix("logout") + "session"
    return ActionReply(InfoResponse(_ACCEPTED, b"", (_location(location),)), signed_out=True)


async def _refresh(call: ActionCall, operations: SessionOperations) -> ActionReply:
    try:
        granted = await operations.refresh(body_as(RefreshBody, call.body).refresh_token)
    except ConcurrentRefreshError:
        return ActionReply(json_response(409, _AT_ONCE))
    return ActionReply(tokens_accepted(granted))


def tokens_accepted(granted: TokenPairGranted, location: str = "") -> InfoResponse:
    """Answer with new tokens, and with the path of their session where a command has made it."""
    tokens = MemghostTokens(granted.access_token, granted.refresh_token, granted.expires_in)
    return json_response(_ACCEPTED, tokens, (_location(location),) if location else ())


def _location(path: str) -> tuple[bytes, bytes]:
    return b"Location", path.encode("ascii")
