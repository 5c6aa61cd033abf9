"""The API under `/v1/`: reads a call, finds out who calls, lets the operation run, and words its outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from gateway.admin.admin_call import call_of
from gateway.admin.admin_callers import OWNER, AdminCaller, AdminCallers, actor_of
from gateway.admin.api_operation import ApiOperation, ApiRequest
from gateway.admin.call_reading import expected_versions, idempotency_key, is_known, read_json, read_query
from gateway.admin.problems import ProblemError, problem_of
from gateway.model.errors import GatewayError
from gateway.telemetry.audit import AuditLog, AuditOutcome

_encode = msgspec.json.Encoder().encode
_JSON = "application/json"
_ID, _ANY_ID = "{id}", "{id:[^/]+}"  # aiohttp's own takes no id with a brace
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_FIELDS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Api:
    """Makes the routes of `operations`. `clock` is in epoch seconds; a body is at most `body_bytes` long."""

    def __init__(
        self,
        operations: Sequence[ApiOperation],
        callers: AdminCallers,
        audit: AuditLog,
        clock: Callable[[], float],
        body_bytes: int,
    ) -> None:
        self._operations = tuple(operations)
        self._callers = callers
        self._audit = audit
        self._clock = clock
        self._body_bytes = body_bytes

    def routes(self) -> list[web.RouteDef]:
        """Return the route of each operation."""
        return [
            web.route(each.method, each.path.replace(_ID, _ANY_ID), self._endpoint(each)) for each in self._operations
        ]

    def _endpoint(self, operation: ApiOperation) -> Callable[[web.Request], Any]:
        async def endpoint(request: web.Request) -> web.Response:
            if not operation.permission:
                return await self._answer(request, operation, OWNER)
            actor, outcome = call_of(request).actor, AuditOutcome.FAILED
            try:
                caller = await self._callers.identify(call_of(request))
                actor = actor_of(call_of(request), caller)
                response = await self._answer(request, operation, caller)
                outcome = AuditOutcome.DONE
            except GatewayError as error:
                raise problem_of(error) from None
            except ProblemError as error:
                outcome = AuditOutcome.REFUSED if error.status in _REFUSED else outcome
                raise
            finally:
                self._audit.called(actor, operation.name, request.match_info.get("id", ""), outcome)
            return response

        return endpoint

    async def _answer(self, request: web.Request, operation: ApiOperation, caller: AdminCaller) -> web.Response:
        if operation.permission and not caller.may(operation.permission):
            detail = f"This needs the permission {operation.permission}."
            raise ProblemError(HTTPStatus.FORBIDDEN, "no_permission", detail)
        query = read_query(request, operation)
        key, expected = idempotency_key(request, operation), expected_versions(request, operation)
        body = await read_json(request, operation, self._body_bytes)
        answer = await operation.run(
            ApiRequest(
                caller=caller,
                actor=actor_of(call_of(request), caller),
                now=datetime.fromtimestamp(self._clock(), UTC),
                id=request.match_info.get("id", ""),
                query=query,
                body=body,
                expected=expected,
                idempotency_key=key,
            )
        )
        return _response(request, operation, answer)


def _response(request: web.Request, operation: ApiOperation, answer: Any) -> web.Response:
    if operation.answer is None:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=_FIELDS)
    body = answer if isinstance(answer, bytes) else _encode(answer)
    fields, row = dict(_FIELDS), getattr(answer, operation.row_in) if operation.row_in else answer
    version = getattr(row, "version", "")
    if operation.method == "GET" and not version:
        version = blake2b(body, digest_size=8).hexdigest()
    if version:
        fields["ETag"] = f'"{version}"'
    if operation.method == "GET" and is_known(request, version):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=fields)
    if operation.status == HTTPStatus.CREATED and version:
        fields["Location"] = f"/v1/{operation.path.split('/')[2]}/{quote(row.id, safe='')}"
    return web.Response(status=operation.status, body=body, content_type=_JSON, headers=fields)
