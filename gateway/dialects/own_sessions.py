"""Sessions of one's own, in our own words: `/_gateway/sessions` for programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import unquote

import msgspec
from pydantic import BeforeValidator
from typing_extensions import override

from gateway.dialects.action import Action, ActionCall, ActionReply, DialectActions, SessionOperations, body_as
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, json_response
from gateway.dialects.normal import Normal, NormalErrors
from gateway.dialects.settings import CorsSettings, EndpointLimitSettings
from gateway.dialects.wire_times import maybe_utc
from gateway.model.answers import Verdict
from gateway.model.errors import MissingRecordError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Device, Session
from gateway.source.addresses import HostName
from gateway.source.values import SettingsModel, StringList, listed

PATH = "/_gateway/sessions"
PATHS = (PATH, f"{PATH}/end")
ROWS = 200
"""Sessions that one answer shows: a person has a handful, a program that signs in by the hour has thousands."""


class OwnSessionsSettings(SettingsModel):
    """Where people list and end their own sessions.

    It reads with `credentials` and no others; without them, with every reader that shows a session of a directory.
    `hosts` are the host names that it answers for; none means all. Pages of the origins in `cors` may ask, too.
    """

    credentials: StringList = ()
    hosts: Annotated[tuple[HostName, ...], BeforeValidator(listed)] = ()
    rate_limit: EndpointLimitSettings | None = None
    cors: CorsSettings | None = None


class OwnSession(msgspec.Struct, kw_only=True):
    """One live session of the caller. What is not known is null; `address` is the client's when it signed in."""

    id: str
    current: bool
    device: Device | None
    address: str | None
    since: datetime | None
    last_active: datetime | None
    expires_at: datetime | None


class OwnSessionList(msgspec.Struct):
    """The caller's live sessions, the last active first; `more` says that there are others, less active."""

    sessions: tuple[OwnSession, ...]
    more: bool


class EndOthers(msgspec.Struct, forbid_unknown_fields=True):
    """Which sessions to end: all but the current one."""

    others: Literal[True]


class EndedSessions(msgspec.Struct):
    """How many sessions were ended."""

    ended: int


class OwnSessions(DialectActions):
    """Lists and ends the caller's sessions; every failure has the shape of the proxy's own."""

    name = "sessions"

    def __init__(self) -> None:
        self._words = Normal()
        failures = _failures()
        self.actions = (
            Action(
                method="GET",
                paths=(PATH,),
                run=_list,
                summary="The caller's sessions",
                responses={200: Documented(OwnSessionList, "The caller's live sessions"), **failures},
            ),
            Action(
                method="POST",
                paths=(f"{PATH}/end",),
                run=_end_others,
                summary="End every other session of the caller's",
                responses={200: Documented(EndedSessions, "They are ended"), **failures},
                body=EndOthers,
            ),
            Action(
                method="DELETE",
                paths=(f"{PATH}/",),
                run=_end,
                beneath=True,
                summary="End a session of the caller's",
                responses={204: Documented(None, "It is ended"), **failures},
            ),
        )

    @override
    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        return self._words.reply(verdict, info_request)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return self._words.refuse(refusal, info_request)


def own_session(session: Session, current: Session) -> OwnSession:
    """Return what a person is shown of one of their sessions."""
    login = session.login
    return OwnSession(
        id=session.id or "",
        current=session.id == current.id,
        device=session.device,
        address=login.ip if login is not None else None,
        since=maybe_utc(session.created_at or (login.at if login is not None else None)),
        last_active=maybe_utc(session.last_activity_at),
        expires_at=maybe_utc(session.expires_at),
    )


async def own_session_list(call: ActionCall, operations: SessionOperations) -> OwnSessionList:
    """Return the caller's sessions; one more than are shown is asked for, to know whether there is one."""
    found = await operations.own(ROWS + 1)
    return OwnSessionList(tuple(own_session(each, call.session) for each in found[:ROWS]), len(found) > ROWS)


async def _list(call: ActionCall, operations: SessionOperations) -> ActionReply:
    return ActionReply(json_response(200, await own_session_list(call, operations)))


async def _end(call: ActionCall, operations: SessionOperations) -> ActionReply:
    session_id = named_session(call.info.path.removeprefix(f"{PATH}/"))
    await operations.end(session_id)
    return ActionReply(InfoResponse(204, b""), signed_out=session_id == call.session.id)


async def _end_others(call: ActionCall, operations: SessionOperations) -> ActionReply:
    body_as(EndOthers, call.body)
    return ActionReply(json_response(200, EndedSessions(await operations.end_others())))


def named_session(segment: str) -> str:
    """Return the session id of a path's last segment; raises MissingRecordError for what cannot be one."""
    if not segment or "/" in segment:
        raise MissingRecordError("no such path")
    return unquote(segment)


def _failures() -> Mapping[int, Documented]:
    codes = (
        RefusalCode.MALFORMED,
        RefusalCode.UNAUTHENTICATED,
        RefusalCode.FORBIDDEN,
        RefusalCode.NOT_FOUND,
        RefusalCode.METHOD_NOT_ALLOWED,
        RefusalCode.RATE_LIMITED,
        RefusalCode.INTERNAL,
        RefusalCode.UNAVAILABLE,
    )
    return {refusal.status: Documented(NormalErrors, refusal.message) for refusal in map(Refusal, codes)}
