"""The endpoint of a product's actions: by it people list, switch and end their own sessions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
import structlog

from gateway.credentials.reader import CredentialReading, Reader
from gateway.dialects.action import Action, ActionCall, ActionReply, DialectActions, SessionOperations
from gateway.dialects.dialect import InfoRequest, InfoResponse
from gateway.dialects.wacht import development_session, session_cookie
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.endpoints.info_requests import info_request_of, with_caller, with_quota
from gateway.endpoints.refused_calls import RefusedCallError, body_of, refused_by
from gateway.endpoints.session_cookies import dev_session_as_cookie
from gateway.endpoints.session_info import decision_of
from gateway.gate import Gate, Identified
from gateway.http1.downstream import DownstreamRequest
from gateway.model.answers import Found, Throttled
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response, json_fields
from gateway.model.refusal import RefusalCode, refusal_of
from gateway.model.route import OnMany
from gateway.policy.cross_origin import is_foreign_cookie
from gateway.policy.limits import Limits, Taken
from gateway.telemetry.record import RequestRecord

_NO_CONTENT = 204
_METHOD_NOT_ALLOWED = 405
_FIELDS = json_fields()
_NO_STORE: HeaderPairs = ((b"Cache-Control", b"no-store"),)
_CONTENT_TYPE = b"Content-Type"
_log = structlog.get_logger(__name__)

OpenOperations = Callable[[ActionCall], SessionOperations]
"""Opens what one call may do in the directory that knows its caller."""

_ActionsByMethod = Mapping[str, Action]


class SessionActionsEndpoint:
    """Does one product's actions for whoever shows a session of our directory; API keys never may.

    `operations` are the directories by the names of their authorities; the first is asked by an action that needs no
    caller. `now` is the monotonic clock of the records, in seconds. Every answer is in the product's words.
    """

    def __init__(
        self,
        actions: DialectActions,
        policy: EndpointPolicy,
        gate: Gate,
        operations: Mapping[str, OpenOperations],
        limits: Limits,
        now: Callable[[], float],
    ) -> None:
        self._words = actions
        self._policy = policy
        self._gate = gate
        self._operations = operations
        self._now = now
        self._reading = CredentialReading(policy.readers, OnMany.REJECT)
        self._readers: Mapping[str, Reader] = {reader.name: reader for reader in policy.readers}
        self._cookies = policy.cookies
        self.name = actions.name
        self.hosts = policy.hosts
        self.paths = tuple(dict.fromkeys(path for each in actions.actions if not each.beneath for path in each.paths))
        self.beneath = next((each.paths[0] for each in actions.actions if each.beneath), "")
        self._limiter = policy.limiter(f"session_actions.{self.name}", limits)

    async def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Response:
        """Answer one call."""
        here = self._actions_at(access.target.match)
        if access.method == "OPTIONS":
            return self._policy.options(access, _allow(here))
        if self._policy.development:
            access = dev_session_as_cookie(access, self._cookies)
        info_request = info_request_of(access)
        try:
            fields, info_response = await self._do(here, request, access, info_request, record)
        except Exception as error:  # noqa: BLE001 - the product's clients get the product's 500, whatever the fault is
            fields, info_response = (), self._refuse(self._refused(error, access, record), access, info_request, record)
        return self._response(info_response, fields, access, here)

    def _actions_at(self, path: str) -> _ActionsByMethod:
        exact = {each.method: each for each in self._words.actions if not each.beneath and path in each.paths}
        return exact or {each.method: each for each in self._words.actions if each.beneath}

    async def _do(
        self,
        here: _ActionsByMethod,
        request: DownstreamRequest,
        access: AccessRequest,
        info_request: InfoRequest,
        record: RequestRecord,
    ) -> tuple[HeaderPairs, InfoResponse]:
        """Find out who calls, and do it; raises RefusedCallError, or what the action raises."""
        action = here.get("GET" if access.method == "HEAD" else access.method)
        if action is None:
            raise RefusedCallError(RefusalCode.METHOD_NOT_ALLOWED, "method")
        if self._limiter is not None:
            _require_token(await _counted(self._limiter.count_address(access.client, _same)))
        call = ActionCall(info=info_request, method=action.method, client=access.client)
        credential: Credential | None = None
        if not action.without_caller:
            identified = await self._identify(access, record)
            credential, answer = identified.credential, identified.resolution.answer
            call = msgspec.structs.replace(call, info=with_caller(info_request, identified))
            if isinstance(answer, Throttled):
                raise RefusedCallError.by(refusal_of(answer))
            if credential is None or not isinstance(answer, Found):
                return (), self._words.reject(answer, call.info)
            await self._require_allowed(access, credential, answer, action)
            call = msgspec.structs.replace(call, found=answer)
        if action.method not in {"GET", "DELETE"}:
            call = msgspec.structs.replace(call, body=await body_of(request))
        reply = await action.run(call, self._open(call))
        return self._cookie_fields(reply, credential), reply.response

    async def _identify(self, access: AccessRequest, record: RequestRecord) -> Identified:
        identified = self._gate.identify(access, self._reading)
        if not isinstance(identified, Identified):
            identified = await identified
        record.decision, record.decided = decision_of(access, identified), self._now()
        return identified

    async def _require_allowed(
        self, access: AccessRequest, credential: Credential, found: Found, action: Action
    ) -> None:
        """Raise RefusedCallError for an API key, a foreign page's cookie, one who is no manager, or too many calls."""
        session = found.session
        if credential.kind is CredentialKind.API_KEY or session.api_key is not None:
            raise RefusedCallError(RefusalCode.FORBIDDEN, "an API key")
        if is_foreign_cookie(access, self._policy.origins, credential):
            raise RefusedCallError(RefusalCode.FORBIDDEN, "a cookie from a foreign origin")
        if session.id is None or session.user is None:
            raise RefusedCallError(RefusalCode.FORBIDDEN, "a session of nobody's")
        if action.managers is not None and action.managers.isdisjoint(session.roles):
            raise RefusedCallError(RefusalCode.FORBIDDEN, "no manager")
        if self._limiter is not None:
            _require_token(await _counted(self._limiter.count_caller(session, _same)))

    def _open(self, call: ActionCall) -> SessionOperations:
        """Return what the call may do; raises RefusedCallError where another authority than a directory answered."""
        if call.found is None:
            open_operations = next(iter(self._operations.values()), None)
        else:
            open_operations = self._operations.get(call.info.authority)
        if open_operations is None:
            raise RefusedCallError(RefusalCode.FORBIDDEN, "a session of another authority")
        return open_operations(call)

    def _refused(self, error: Exception, access: AccessRequest, record: RequestRecord) -> RefusedCallError:
        """Return the refusal that an error is; logs what is our own fault."""
        refused = refused_by(error)
        if refused is None:
            _log.error("request_failed", request_id=access.request_id, endpoint=self.name, exc_info=error)
            record.fault = "unexpected"
            return RefusedCallError(RefusalCode.INTERNAL, "unexpected fault")
        if refused.refusal.code is RefusalCode.UNAVAILABLE:
            _log.warning("session_action_failed", endpoint=self.name, fault=str(error))
        return refused

    def _refuse(
        self, error: RefusedCallError, access: AccessRequest, info_request: InfoRequest, record: RequestRecord
    ) -> InfoResponse:
        """Add the refusal to the record's decision, and let the product word it."""
        decision = record.decision or Decision(access=access)
        refusal = error.refusal
        record.decision = msgspec.structs.replace(decision, refusal=refusal, rule=refusal.code.value)
        return self._words.refuse(
            refusal, info_request if error.taken is None else with_quota(info_request, error.taken)
        )

    def _cookie_fields(self, reply: ActionReply, credential: Credential | None) -> HeaderPairs:
        """Return the field that gives a browser its new cookie, or makes it forget the one that is over."""
        if credential is None or credential.kind is not CredentialKind.COOKIE:
            return ()
        reader = self._readers[credential.reader]
        if reply.signed_out:
            return reader.clearing()
        if not reply.token:
            return ()
        if self._policy.development:
            return (development_session(reply.token),)
        return tuple(session_cookie(name.decode("ascii"), reply.token) for name in reader.cookies)

    def _response(
        self, info_response: InfoResponse, extra: HeaderPairs, access: AccessRequest, here: _ActionsByMethod
    ) -> Response:
        has_type = any(name == _CONTENT_TYPE for name, _ in info_response.headers)
        fields = _NO_STORE if has_type or not info_response.body else _FIELDS
        fields = (*fields, *info_response.headers, *extra)
        if info_response.status == _METHOD_NOT_ALLOWED:
            fields += (_allow(here),)
        fields += self._policy.cross_origin(access)
        return Response(info_response.status, fields, info_response.body)


def _same(taken: Taken | None) -> Taken | None:
    return taken


async def _counted(counted: Taken | Coroutine[Any, Any, Taken | None] | None) -> Taken | None:
    return await counted if isinstance(counted, Coroutine) else counted


def _require_token(taken: Taken | None) -> None:
    if taken is not None and taken.refusal is not None:
        raise RefusedCallError.by(taken.refusal, taken)


def _allow(here: _ActionsByMethod) -> tuple[bytes, bytes]:
    methods = sorted({*here, "OPTIONS", *(("HEAD",) if "GET" in here else ())})
    return b"Allow", ", ".join(methods).encode("ascii")
