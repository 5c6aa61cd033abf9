"""wacht's actions: signing out, switching between sign-ins, organizations and workspaces, and tokens for backends."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import get_args
from urllib.parse import parse_qsl

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
)
from gateway.dialects.dialect import Documented, InfoRequest, InfoResponse, json_response, retry_after_header
from gateway.dialects.settings import Profile
from gateway.dialects.wacht import Wacht, WachtActionName
from gateway.dialects.wacht_wire import (
    WachtAnswer,
    WachtData,
    WachtError,
    WachtRefusal,
    WachtSession,
    answer,
)
from gateway.model.answers import Verdict
from gateway.model.credential import CredentialKind
from gateway.model.errors import InvalidRecordError, MissingRecordError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Session

_SECONDS = 30.0
_SKEW_SECONDS = 5.0
"""A token is good for so much longer than its `expires` says, as the product's are: its client's clock may be late."""
_MOST_PARAMETERS = 32

_NOT_ALLOWED = WachtError("FORBIDDEN", "Forbidden")
_NO_TEMPLATE = WachtError("NOT_FOUND", "Template not found")


class WachtToken(msgspec.Struct):
    """A short token for the application's backend; `expires` is in milliseconds since 1970."""

    token: str
    expires: int


class WachtTokenAnswer(msgspec.Struct):
    """The product's envelope around a token."""

    status: int
    message: str
    data: WachtToken
    session: None
    errors: list[WachtError] | None


class WachtActions(DialectActions):
    """The actions that a config lists. Who is signed out gets an empty session, as the product's signed-out have."""

    def __init__(self, listed: tuple[WachtActionName, ...], profile: Profile = Profile.DOCUMENTED) -> None:
        self._words = Wacht()  # the documented one: an action does nothing for an anonymous session
        self.name = self._words.name
        self._errors: list[WachtError] | None = None if profile is Profile.PRODUCT else []
        made = {
            "sign-out": self._post("sign-out", self._sign_out, "Sign out of a sign-in, or of all", "sign_in_id"),
            "switch-sign-in": self._post("switch-sign-in", self._switch_sign_in, "Switch the sign-in", "sign_in_id"),
            "switch-organization": self._post(
                "switch-organization", self._switch_organization, "Switch the organization", "organization_id"
            ),
            "switch-workspace": self._post(
                "switch-workspace", self._switch_workspace, "Switch the workspace", "workspace_id"
            ),
            "token": Action(
                method="GET",
                paths=("/session/token",),
                run=self._token,
                issues_tokens=True,
                summary="A short token for a backend",
                responses=self._responses(WachtTokenAnswer, "The token"),
                parameters=("template",),
            ),
        }
        self.actions = tuple(made[name] for name in get_args(WachtActionName) if name in listed)

    @override
    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        return self._words.reply(verdict, info_request)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        match refusal.code:
            case RefusalCode.FORBIDDEN:
                return _failure(403, _NOT_ALLOWED)
            case RefusalCode.NOT_FOUND:  # the session ended at the same moment
                return _failure(404, WachtError("NOT_FOUND", "Session not found"))
            case RefusalCode.MALFORMED | RefusalCode.TOO_LARGE | RefusalCode.TIMEOUT:
                return _failure(refusal.status, WachtError("BAD_REQUEST", refusal.message))
            case RefusalCode.UNAVAILABLE:
                response = _failure(503, WachtError("INTERNAL", "Service unavailable"))
                return msgspec.structs.replace(response, headers=retry_after_header(refusal.retry_after))
        return self._words.refuse(refusal, info_request)

    def _post(self, name: str, run: Run, summary: str, parameter: str) -> Action:
        return Action(
            method="POST",
            paths=(f"/session/{name}",),
            run=run,
            summary=summary,
            responses=self._responses(WachtAnswer, "The session as it is now"),
            parameters=(parameter,),
        )

    def _responses(self, body: object, description: str) -> dict[int, Documented]:
        failures = {
            status: each for status, each in self._words.documented("").items() if status >= HTTPStatus.BAD_REQUEST
        }
        failures |= {400: Documented(WachtRefusal, "Bad request"), 403: Documented(WachtRefusal, "Forbidden")}
        return dict(sorted({200: Documented(body, description), **failures}.items()))

    async def _sign_out(self, call: ActionCall, operations: SessionOperations) -> ActionReply:
        signin_id = _parameter(call.info.query, "sign_in_id")
        if not signin_id:
            with suppress(MissingRecordError):  # it ended at the same moment, which is what is wanted
                await operations.end(call.session.id or "")
            return self._nobody()
        try:
            left = await operations.sign_out(signin_id)
        except InvalidRecordError:
            return _bad("Sign in not found")
        return self._session(left, call, operations) if left is not None else self._nobody()

    async def _switch_sign_in(self, call: ActionCall, operations: SessionOperations) -> ActionReply:
        signin_id = _parameter(call.info.query, "sign_in_id")
        try:
            session = await operations.switch_sign_in(signin_id or "")
        except InvalidRecordError:
            return _bad("Invalid sign in ID")
        return self._session(session, call, operations)

    async def _switch_organization(self, call: ActionCall, operations: SessionOperations) -> ActionReply:
        organization_id = _parameter(call.info.query, "organization_id")
        try:
            session = await operations.switch_organization(organization_id or None)
        except InvalidRecordError:
            return _bad("You are not a member of this organization")
        return self._session(session, call, operations)

    async def _switch_workspace(self, call: ActionCall, operations: SessionOperations) -> ActionReply:
        workspace_id = _parameter(call.info.query, "workspace_id")
        try:
            session = await operations.switch_workspace(workspace_id or None)
        except InvalidRecordError:
            return _bad("You are not a member of this workspace")
        return self._session(session, call, operations)

    async def _token(self, call: ActionCall, operations: SessionOperations) -> ActionReply:
        if _parameter(call.info.query, "template") not in {"", "default"}:
            return ActionReply(_failure(404, _NO_TEMPLATE))
        token = operations.access_token(call.session, _SECONDS + _SKEW_SECONDS)
        expires = int((call.info.now.timestamp() + _SECONDS) * 1000)
        body = WachtTokenAnswer(200, "", WachtToken(token, expires), None, self._errors)
        return ActionReply(json_response(200, body))

    def _session(self, session: Session, call: ActionCall, operations: SessionOperations) -> ActionReply:
        """Answer with the session; its cookie names its user, who may be another one now."""
        credential = call.info.credential
        is_cookie = credential is not None and credential.kind is CredentialKind.COOKIE
        token = operations.cookie(session) if is_cookie else ""
        return ActionReply(json_response(200, answer(session, self._errors)), token=token)

    def _nobody(self) -> ActionReply:
        body = WachtAnswer(200, "", WachtData(), WachtSession(), self._errors)
        return ActionReply(json_response(200, body), signed_out=True)


def _parameter(query: str | None, name: str) -> str:
    """Return a parameter of the query, empty where it is not there; of two the first, as the product takes it."""
    try:
        pairs = parse_qsl(query or "", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise MalformedCallError("too many parameters") from None
    return next((value for key, value in pairs if key == name), "")


def _bad(message: str) -> ActionReply:
    return ActionReply(_failure(400, WachtError("BAD_REQUEST", message)))


def _failure(status: int, error: WachtError) -> InfoResponse:
    return json_response(status, WachtRefusal(status, error.message, None, None, [error]))
