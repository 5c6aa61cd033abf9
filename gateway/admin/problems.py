"""ProblemDetails details (RFC 9457): how the API says that something cannot be done."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
import structlog
from aiohttp import web

from gateway.model.errors import (
    ClashError,
    DatabaseError,
    GatewayError,
    InvalidRecordError,
    MissingRecordError,
    OddQuestionError,
    OutdatedError,
)
from gateway.model.refusal import Refusal

PROBLEM_JSON = "application/problem+json"

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call failed: `detail` says what to do about this one, `code` is for programs."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    request_id: str


class ProblemError(Exception):
    """A call fails; `fields` are further header fields of the answer."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}

    def answer(self, request_id: str) -> web.Response:
        """Return the answer."""
        problem = ProblemDetails(
            title=self.status.phrase,
            status=self.status.value,
            code=self.code,
            detail=self.detail,
            request_id=request_id,
        )
        fields = {"Cache-Control": "no-store", **self.fields}
        return web.Response(status=self.status.value, body=_encode(problem), content_type=PROBLEM_JSON, headers=fields)


_STATUS_OF: dict[type[BaseException], tuple[HTTPStatus, str]] = {
    MissingRecordError: (HTTPStatus.NOT_FOUND, "no_record"),
    OutdatedError: (HTTPStatus.PRECONDITION_FAILED, "outdated"),
    ClashError: (HTTPStatus.CONFLICT, "clash"),
    InvalidRecordError: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_record"),
    OddQuestionError: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_record"),
    GatewayError: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
}


def problem_of(error: GatewayError) -> ProblemError:
    """Return what the API says of an operation's error, or of a part of the config that cannot be used."""
    status, code = next(_STATUS_OF[kind] for kind in type(error).__mro__ if kind in _STATUS_OF)
    fields = {"Retry-After": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    detail = str(error)
    if isinstance(error, DatabaseError):  # a caller of few rights is not told where the database is
        _log.warning("admin_directory_unavailable", fault=detail)
        detail = "the directory cannot be asked"
    return ProblemError(status, code, detail, fields)


def refused(refusal: Refusal) -> ProblemError:
    """Return a refusal of ours in the API's words."""
    fields = {}
    if refusal.retry_after is not None:
        fields["Retry-After"] = str(refusal.retry_after)
    status = HTTPStatus(refusal.status)
    if status is HTTPStatus.UNAUTHORIZED:
        fields["WWW-Authenticate"] = 'Bearer realm="gateway admin"'
    return ProblemError(status, refusal.code.value, refusal.message, fields)


def invalid(detail: str) -> ProblemError:
    """Return the problem of a call that cannot be understood."""
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid_request", detail)
