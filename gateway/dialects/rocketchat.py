"""rocketchat: `GET /api/v1/sessions/info?sessionId=` (DIALECTS; seed 004)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from gateway.dialects.answer_decoder import AnswerDecoder, parse
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, RemoteRequest, RemoteResponse, SessionWanted
from gateway.dialects.json_responses import json_reply, retry_later
from gateway.dialects.rocketchat_wire import RocketChatError, RocketChatSession, session_document, session_of_document
from gateway.dialects.settings import EndpointSettings, Profile
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Session, User

_PARAMETER = "sessionId"
_MANY_PARAMETERS = 32
"""Parameters that are read; two are already one too many."""

_LOGGED_OUT = "You must be logged in to do this."
# Old servers said `status` and `message`, new ones say `success` and `error`: both, for clients of either age.
_UNAUTHORIZED = RocketChatError(status="error", message=_LOGGED_OUT, success=False, error=_LOGGED_OUT)
_NOT_FOUND = RocketChatError(success=False, error="Session not found")
_FAULT = RocketChatError(success=False, error="Internal server error")
_WRONG_METHOD = RocketChatError(success=False, error="Method Not Allowed")
_MISSING = "must have required property 'sessionId' [invalid-params]"
_ADDITIONAL = "must NOT have additional properties [invalid-params]"
_REPEATED = "must be string [invalid-params]"

_errors = msgspec.json.Decoder(RocketChatError)


class RocketchatSettings(EndpointSettings):
    """Rocket.Chat's session-info endpoint."""

    dialect: Literal["rocketchat"]


class Rocketchat:
    """Rocket.Chat's words, both ways. Under the product's profile a session that is not there is 404, not 400."""

    name = "rocketchat"
    paths: tuple[str, ...] = ("/api/v1/sessions/info",)
    parameters: tuple[str, ...] = (_PARAMETER,)

    def __init__(self, profile: Profile = Profile.DOCUMENTED) -> None:
        self._not_found_status = 404 if profile is Profile.PRODUCT else 400
        self._hearing = AnswerDecoder(RocketChatSession, RocketChatError, {})

    def reply(self, verdict: Verdict | None, ask: InfoRequest) -> InfoResponse | SessionWanted:
        """Answer with the session that `sessionId` names, if it is the caller's own.

        The credential is judged before the parameters, as the product does: what is asked for is nobody's business
        who is not logged in.
        """
        if ask.session_id:
            return self._reply_named(verdict)
        match verdict:
            case Found(session):
                wanted = _wanted(ask.query)
                if isinstance(wanted, RocketChatError):
                    return json_reply(400, wanted)
                if wanted and wanted != session.id:
                    return SessionWanted(wanted)
                return self._reply_named(verdict if wanted else Rejected(Reason.GONE))
            case Unavailable(retry_after=seconds):
                return json_reply(503, _FAULT, retry_later(seconds))
            case _:
                return json_reply(401, _UNAUTHORIZED)

    def refuse(self, refusal: Refusal, ask: InfoRequest) -> InfoResponse:
        """Answer what was refused before anybody was asked."""
        if refusal.code is RefusalCode.RATE_LIMITED:
            wait = refusal.retry_after or 1
            return json_reply(429, _too_many(wait), (*retry_later(wait), *_quota(ask)))
        if refusal.code is RefusalCode.METHOD_NOT_ALLOWED:
            return json_reply(405, _WRONG_METHOD)
        return json_reply(500, _FAULT)

    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        del path
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

    def question(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the pair, and the session that is asked about: the one named, else the one that the pair came with.

        Without either, `sessionId` is empty: what the product says then still tells a good pair from a bad one.
        """
        if credential.kind is not CredentialKind.TOKEN_PAIR:
            return None
        user_id, token, *_ = credential.parts
        headers = (("X-User-Id", user_id), ("X-Auth-Token", token))
        return RemoteRequest(headers, ((_PARAMETER, _named(credential, session_id)),))

    def decode(
        self, heard: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the session that was asked about, or, when none was named, the user alone that the pair proved."""
        user_id, named = credential.parts[0], _named(credential, session_id)
        if heard.status in {400, 404} and parse(heard.body, _errors) == _NOT_FOUND:
            if named:
                return Rejected(Reason.GONE)
            return Found(Session(subject=user_id, user=User(id=user_id)))
        return self._hearing.hear(heard, lambda said: _own(said, user_id, named))

    def _reply_named(self, verdict: Verdict | None) -> InfoResponse:
        """Answer with the session that was named."""
        match verdict:
            case Found(session):
                document = session_document(session)
                if document is not None:
                    return json_reply(200, document)
            case Unavailable(retry_after=seconds):
                return json_reply(503, _FAULT, retry_later(seconds))
        return json_reply(self._not_found_status, _NOT_FOUND)


def _named(credential: Credential, session_id: str) -> str:
    """Return the session that is asked about; the third part of a pair is what its `session_header` said."""
    user_id, token, *named = credential.parts
    del user_id, token
    return session_id or (named[0] if named else "")


def _own(said: RocketChatSession, user_id: str, named: str) -> Found:
    """Check that the answer is about whom and what was asked.

    A cache in front of the remote that mixes its callers up must not mix up ours.
    """
    if said.userId != user_id or (named and said.sessionId != named):
        raise msgspec.ValidationError("the answer is about somebody else")
    return Found(session_of_document(said))


def _wanted(query: str | None) -> str | RocketChatError:
    """Return the value of `sessionId`, or what is wrong with the parameters, in the product's order."""
    try:
        pairs = parse_qsl(query or "", keep_blank_values=True, max_num_fields=_MANY_PARAMETERS)
    except ValueError:
        return _invalid(_ADDITIONAL)
    values = [value for name, value in pairs if name == _PARAMETER]
    if not values:
        return _invalid(_MISSING)
    if len(values) < len(pairs):
        return _invalid(_ADDITIONAL)
    if len(values) > 1:
        return _invalid(_REPEATED)
    return values[0]


def _invalid(text: str) -> RocketChatError:
    return RocketChatError(success=False, error=text, errorType="invalid-params")


def _too_many(wait: int) -> RocketChatError:
    text = (
        f"Error, too many requests. Please slow down. You must wait {wait} seconds before trying this endpoint again."
    )
    return RocketChatError(success=False, error=f"{text} [error-too-many-requests]")


def _quota(ask: InfoRequest) -> HeaderPairs:
    """Return the product's rate-limit fields; the reset is in epoch milliseconds."""
    if ask.quota is None:
        return ()
    resets_at = int(ask.quota.resets_at.timestamp() * 1000)
    return (
        (b"X-RateLimit-Limit", str(ask.quota.limit).encode("ascii")),
        (b"X-RateLimit-Remaining", str(ask.quota.remaining).encode("ascii")),
        (b"X-RateLimit-Reset", str(resets_at).encode("ascii")),
    )
