"""Rocket.Chat's dialect: `GET /api/v1/sessions/info?sessionId=`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

import msgspec
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder, parse
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    SessionWanted,
    json_response,
    retry_after_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory
from gateway.dialects.rocketchat_wire import RocketChatError, RocketChatSession, session_document, session_of_document
from gateway.dialects.settings import EndpointSettings, Profile
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Session, User
from gateway.source.values import StringList

_PARAMETER = "sessionId"
MAX_PARAMETERS = 32
"""Query parameters that are read; more than one is an error already."""

_LOGGED_OUT = "You must be logged in to do this."
# old servers send `status` and `message`, new ones `success` and `error`: both, for clients of either age
_UNAUTHORIZED = RocketChatError(status="error", message=_LOGGED_OUT, success=False, error=_LOGGED_OUT)
NOT_FOUND = RocketChatError(success=False, error="Session not found")
_FAULT = RocketChatError(success=False, error="Internal server error")
_WRONG_METHOD = RocketChatError(success=False, error="Method Not Allowed")
_MISSING = "must have required property 'sessionId' [invalid-params]"
_ADDITIONAL = "must NOT have additional properties [invalid-params]"
_REPEATED = "must be string [invalid-params]"

_error_decoder = msgspec.json.Decoder(RocketChatError)


RocketchatActionName = Literal[
    "sessions/list",
    "sessions/logout.me",
    "sessions/list.all",
    "sessions/info.admin",
    "sessions/logout",
    "logout",
    "users.logoutOtherClients",
]
"""What people and managers may do besides, each beneath `/api/v1/`."""

FOR_MANAGERS: frozenset[RocketchatActionName] = frozenset(
    {"sessions/list.all", "sessions/info.admin", "sessions/logout"}
)
"""Those for which the product asks for a permission (`view-device-management`, `logout-device-management`)."""


class RocketchatSettings(EndpointSettings):
    """Rocket.Chat's session-info endpoint. `managers` are the roles that may what is for managers among `actions`."""

    dialect: Literal["rocketchat"]
    actions: tuple[RocketchatActionName, ...] = ()
    managers: StringList = ()


class Rocketchat(Dialect):
    """Rocket.Chat's dialect, both ways. Under the product's profile a missing session is 404, not 400."""

    name = "rocketchat"
    limits_by_address = True
    paths: tuple[str, ...] = ("/api/v1/sessions/info",)
    parameters: tuple[str, ...] = (_PARAMETER,)

    def __init__(self, profile: Profile = Profile.DOCUMENTED) -> None:
        self._not_found_status = 404 if profile is Profile.PRODUCT else 400
        self._decoder = AnswerDecoder(RocketChatSession, RocketChatError, {})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse | SessionWanted:
        """Answer with the session that `sessionId` names, if it is the caller's own.

        The credential is judged before the parameters, as by the product: a caller who is not logged in learns nothing
        about them.
        """
        if info_request.session_id:
            return self._reply_named(verdict)
        match verdict:
            case Found(session):
                session_id = _session_id(info_request.query)
                if isinstance(session_id, RocketChatError):
                    return json_response(400, session_id)
                if session_id and session_id != session.id:
                    return SessionWanted(session_id)
                return self._reply_named(verdict if session_id else Rejected(Reason.GONE))
            case Unavailable(retry_after=seconds):
                return json_response(503, _FAULT, retry_after_header(seconds))
            case _:
                return json_response(401, _UNAUTHORIZED)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        if refusal.code is RefusalCode.RATE_LIMITED:
            wait = refusal.retry_after or 1
            return json_response(429, _too_many(wait), (*retry_after_header(wait), *_quota(info_request)))
        if refusal.code is RefusalCode.METHOD_NOT_ALLOWED:
            return json_response(405, _WRONG_METHOD)
        return json_response(500, _FAULT)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        failures = {
            400: "A parameter is wrong, or there is no such session",
            401: "Not logged in",
            405: "Another method than GET",
            429: "Too many requests",
            500: "Internal server error",
            503: "The authority cannot be asked",
        }
        if self._not_found_status not in failures:
            failures[self._not_found_status] = "There is no such session of the caller's"
        return {200: Documented(RocketChatSession, "The session")} | {
            status: Documented(RocketChatError, text) for status, text in sorted(failures.items())
        }

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the pair and a session id: `session_id`, else the pair's own, else an empty one.

        With an empty one the product's answer still tells a good pair from a bad one.
        """
        if credential.kind is not CredentialKind.TOKEN_PAIR:
            return None
        user_id, token, *_ = credential.parts
        headers = (("X-User-Id", user_id), ("X-Auth-Token", token))
        return RemoteRequest(headers, ((_PARAMETER, _named_session(credential, session_id)),))

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the session of that id, or, when none was sent, the user alone, whom the pair proved."""
        user_id, named = credential.parts[0], _named_session(credential, session_id)
        if response.status in {400, 404} and parse(response.body, _error_decoder) == NOT_FOUND:
            if named:
                return Rejected(Reason.GONE)
            return Found(Session(subject=user_id, user=User(id=user_id)))
        return self._decoder.decode(response, lambda document: _own(document, user_id, named))

    def _reply_named(self, verdict: Verdict | None) -> InfoResponse:
        """Answer with the session that `sessionId` named."""
        match verdict:
            case Found(session):
                document = session_document(session)
                if document is not None:
                    return json_response(200, document)
            case Unavailable(retry_after=seconds):
                return json_response(503, _FAULT, retry_after_header(seconds))
        return json_response(self._not_found_status, NOT_FOUND)


def _named_session(credential: Credential, session_id: str) -> str:
    """Return the id of the session to ask about; the third part of a pair is the value of its `session_header`."""
    user_id, token, *named = credential.parts
    del user_id, token
    return session_id or (named[0] if named else "")


def _own(document: RocketChatSession, user_id: str, named: str) -> Found:
    """Return the session if it is the one asked for; raises msgspec.ValidationError for any other.

    A cache in front of the remote that mixes up its callers must not mix up ours.
    """
    if document.userId != user_id or (named and document.sessionId != named):
        raise msgspec.ValidationError("the answer is about somebody else")
    return Found(session_of_document(document))


def _session_id(query: str | None) -> str | RocketChatError:
    """Return the value of `sessionId`, or what is wrong with the parameters, in the product's order."""
    try:
        pairs = parse_qsl(query or "", keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return invalid(_ADDITIONAL)
    values = [value for name, value in pairs if name == _PARAMETER]
    if not values:
        return invalid(_MISSING)
    if len(values) < len(pairs):
        return invalid(_ADDITIONAL)
    if len(values) > 1:
        return invalid(_REPEATED)
    return values[0]


def invalid(text: str) -> RocketChatError:
    """Return the product's error for parameters that are wrong."""
    return RocketChatError(success=False, error=text, errorType="invalid-params")


def _too_many(wait: int) -> RocketChatError:
    text = (
        f"Error, too many requests. Please slow down. You must wait {wait} seconds before trying this endpoint again."
    )
    return RocketChatError(success=False, error=f"{text} [error-too-many-requests]")


def _quota(info_request: InfoRequest) -> HeaderPairs:
    """Return the product's rate-limit fields; the reset is in epoch milliseconds."""
    if info_request.quota is None:
        return ()
    resets_at = int(info_request.quota.resets_at.timestamp() * 1000)
    return (
        (b"X-RateLimit-Limit", str(info_request.quota.limit).encode("ascii")),
        (b"X-RateLimit-Remaining", str(info_request.quota.remaining).encode("ascii")),
        (b"X-RateLimit-Reset", str(resets_at).encode("ascii")),
    )


KIND = DialectKind(
    "rocketchat",
    ServerFactory(RocketchatSettings, lambda settings, _issue: Rocketchat(settings.profile)),
    ClientFactory(lambda _settings: Rocketchat()),
)
