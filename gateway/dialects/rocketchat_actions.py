"""Rocket.Chat's actions: one's logins listed and ended, and everybody's for managers."""

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
    DialectActions,
    MalformedCallError,
    Run,
    SessionOperations,
    body_as,
)
from gateway.dialects.dialect import DEFAULT_RETRY_AFTER, Documented, InfoRequest, InfoResponse, json_response
from gateway.dialects.rocketchat import FOR_MANAGERS, NOT_FOUND, Rocketchat, RocketchatActionName, invalid
from gateway.dialects.rocketchat_logins import (
    NamedSession,
    RocketChatEnded,
    RocketChatLoggedOut,
    RocketChatLogin,
    RocketChatLogins,
    RocketChatMessage,
    RocketChatToken,
    login_document,
    logins_document,
)
from gateway.dialects.rocketchat_parameters import InvalidParametersError, parameters_of, wanted_logins
from gateway.dialects.rocketchat_wire import RocketChatError
from gateway.dialects.settings import Profile
from gateway.dialects.wire_times import milliseconds
from gateway.model.answers import Unavailable, Verdict
from gateway.model.credential import CredentialKind
from gateway.model.errors import MissingRecordError
from gateway.model.refusal import Refusal, RefusalCode

_PREFIX = "/api/v1/"
_NEVER = "9999-12-31T23:59:59.999Z"
"""`tokenExpires` of a login that does not expire: the product's clients need an instant."""

_FORBIDDEN = RocketChatError(
    success=False, error="User does not have the permissions required for this action [error-unauthorized]"
)
_INVALID = invalid("must be object [invalid-params]")


_LOGGED_OUT = RocketChatLoggedOut("success", RocketChatMessage("You've been logged out!"))


class RocketchatActions(DialectActions):
    """The actions that a config lists; those for managers are for whoever has one of the roles `managers`.

    Under the product's profile a missing session is 404, not 400.
    """

    def __init__(
        self,
        listed: tuple[RocketchatActionName, ...],
        managers: frozenset[str] = frozenset(),
        profile: Profile = Profile.DOCUMENTED,
    ) -> None:
        self._words = Rocketchat(profile)
        self.name = self._words.name
        self._not_found = 404 if profile is Profile.PRODUCT else 400
        self._managers = managers
        paging = ("filter", "offset", "count", "sort")
        made = {
            "sessions/list": self._get(
                _list, RocketChatLogins, "The caller's logins", ("filter", "offset", "count", "sort")
            ),
            "sessions/logout.me": self._post(_end, RocketChatEnded, "End a login of the caller's", NamedSession),
            "sessions/list.all": self._get(_list_all, RocketChatLogins, "Everybody's logins", paging),
            "sessions/info.admin": self._get(_info, RocketChatLogin, "Anybody's login", ("sessionId",)),
            "sessions/logout": self._post(_end_any, RocketChatEnded, "End anybody's login", NamedSession),
            "logout": self._post(_log_out, RocketChatLoggedOut, "End the caller's login"),
            "users.logoutOtherClients": self._post(_end_others, RocketChatToken, "End the caller's other logins"),
        }
        self.actions = tuple(
            self._placed(name, made[name]) for name in get_args(RocketchatActionName) if name in listed
        )

    @override
    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer as session-info does; it asks for a session only of a caller who is known."""
        reply = self._words.reply(verdict, info_request)
        return reply if isinstance(reply, InfoResponse) else json_response(self._not_found, NOT_FOUND)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        match refusal.code:
            case RefusalCode.FORBIDDEN:
                return json_response(403, _FORBIDDEN)
            case RefusalCode.NOT_FOUND:
                return json_response(self._not_found, NOT_FOUND)
            case RefusalCode.MALFORMED:
                return json_response(400, _INVALID)
            case RefusalCode.TOO_LARGE | RefusalCode.TIMEOUT:
                return json_response(refusal.status, RocketChatError(success=False, error=refusal.message))
            case RefusalCode.UNAVAILABLE:
                return self.reject(Unavailable("", refusal.retry_after or DEFAULT_RETRY_AFTER), info_request)
        return self._words.refuse(refusal, info_request)

    def _get(self, run: Run, answer: object, summary: str, parameters: tuple[str, ...]) -> Action:
        return self._action("GET", run, answer, summary, parameters=parameters)

    def _post(self, run: Run, answer: object, summary: str, body: object = None) -> Action:
        return self._action("POST", run, answer, summary, body=body)

    def _action(
        self, method: str, run: Run, answer: object, summary: str, parameters: tuple[str, ...] = (), body: object = None
    ) -> Action:
        failures = {
            status: each for status, each in self._words.documented("").items() if status >= HTTPStatus.BAD_REQUEST
        }
        responses = {200: Documented(answer, summary), 403: Documented(RocketChatError, "Not allowed"), **failures}
        return Action(
            method=method,
            paths=(),
            run=_with_errors(run),
            summary=summary,
            responses=dict(sorted(responses.items())),
            parameters=parameters,
            body=body,
        )

    def _placed(self, name: RocketchatActionName, action: Action) -> Action:
        managers = self._managers if name in FOR_MANAGERS else None
        return msgspec.structs.replace(action, paths=(_PREFIX + name,), managers=managers)


def _with_errors(run: Run) -> Run:
    """Word what is wrong with the parameters as the product does."""

    async def worded(call: ActionCall, operations: SessionOperations) -> ActionReply:
        try:
            return await run(call, operations)
        except InvalidParametersError as wrong:
            return ActionReply(json_response(400, wrong.error))

    return worded


async def _list(call: ActionCall, operations: SessionOperations) -> ActionReply:
    wanted = wanted_logins(call.info.query)
    return ActionReply(json_response(200, logins_document(await operations.logins(wanted), wanted)))


async def _list_all(call: ActionCall, operations: SessionOperations) -> ActionReply:
    wanted = msgspec.structs.replace(wanted_logins(call.info.query), everybody=True)
    return ActionReply(json_response(200, logins_document(await operations.logins(wanted), wanted)))


async def _info(call: ActionCall, operations: SessionOperations) -> ActionReply:
    named = parameters_of(call.info.query, ("sessionId",))
    if "sessionId" not in named:
        raise InvalidParametersError(invalid("must have required property 'sessionId' [invalid-params]"))
    login = login_document(await operations.any_login(named["sessionId"]), with_person=True)
    login.success = True
    return ActionReply(json_response(200, login))


async def _end(call: ActionCall, operations: SessionOperations) -> ActionReply:
    session_id = _named(call)
    await operations.end_login(session_id)
    return ActionReply(json_response(200, RocketChatEnded(session_id)), signed_out=session_id == call.session.id)


async def _end_any(call: ActionCall, operations: SessionOperations) -> ActionReply:
    session_id = _named(call)
    await operations.end_any(session_id)
    return ActionReply(json_response(200, RocketChatEnded(session_id)), signed_out=session_id == call.session.id)


async def _log_out(call: ActionCall, operations: SessionOperations) -> ActionReply:
    with suppress(MissingRecordError):  # it ended at the same moment, which is what is wanted
        await operations.end(call.session.id or "")
    return ActionReply(json_response(200, _LOGGED_OUT), signed_out=True)


async def _end_others(call: ActionCall, operations: SessionOperations) -> ActionReply:
    credential = call.info.credential
    if credential is None or credential.kind is not CredentialKind.TOKEN_PAIR:
        text = "x-auth-token is required [error-parameter-required]"
        error = RocketChatError(success=False, error=text, errorType="error-parameter-required")
        raise InvalidParametersError(error)
    await operations.end_others()
    expires_at = call.session.expires_at
    token = RocketChatToken(credential.parts[1], _NEVER if expires_at is None else milliseconds(expires_at))
    return ActionReply(json_response(200, token))


def _named(call: ActionCall) -> str:
    try:
        return body_as(NamedSession, call.body).sessionId
    except MalformedCallError:
        raise InvalidParametersError(invalid("must have required property 'sessionId' [invalid-params]")) from None
