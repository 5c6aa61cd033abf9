"""Reads a call: its query, its body, and the fields that make it conditional. Whatever is not asked for is refused."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from gateway.admin.api_operation import ApiOperation
from gateway.admin.call_body import read_body
from gateway.admin.problems import ProblemError, invalid

_ETAG = re.compile(r'(W/)?"([!#-~]*)"')
_ETAGS = re.compile(r'(?:W/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W/)?"[!#-~]*")*+')
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}+")


def read_query(request: web.Request, operation: ApiOperation) -> tuple[Any, ...]:
    """Return the structs that the query fills; raises ProblemError for an unknown, repeated or wrong parameter."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise invalid(f"The parameter {_shown(name)} stands twice.")
        given[name] = value
    filled = []
    for kind in operation.query:
        names = [field.encode_name for field in msgspec.structs.fields(kind)]
        mine = {name: given.pop(name) for name in names if name in given}
        try:
            filled.append(msgspec.convert(mine, kind, strict=False))
        except msgspec.ValidationError as fault:
            raise invalid(f"The query: {fault}.") from None
    if given:
        raise invalid(f"There is no parameter {_shown(next(iter(given)))} here.")
    return tuple(filled)


async def read_json(request: web.Request, operation: ApiOperation, most: int) -> Any:
    """Return the body as the operation wants it; raises ProblemError, and CallRefusedError."""
    if operation.body is None:
        return None
    if request.content_type != "application/json":
        detail = "The body of this call is application/json."
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no_json", detail)
    raw = await read_body(request, most)
    try:
        return msgspec.json.decode(raw, type=operation.body, strict=True)
    except msgspec.ValidationError as fault:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_record", f"The body: {fault}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise invalid("The body is not JSON.") from None


def expected_versions(request: web.Request, operation: ApiOperation) -> frozenset[str] | None:
    """Return the versions that a change is meant for (RFC 9110 section 13.1.1); raises ProblemError.

    A weak tag never matches here, so a field of nothing else leaves none.
    """
    value = ",".join(request.headers.getall("If-Match", [])).strip()
    if not operation.versioned or "If-Match" not in request.headers or value == "*":
        return None
    if not _ETAGS.fullmatch(value):
        raise invalid('If-Match holds entity tags, "..." each, or *.')
    return frozenset(tag for weak, tag in _ETAG.findall(value) if not weak)


def is_known(request: web.Request, etag: str) -> bool:
    """Tell whether the caller has this answer already (If-None-Match, RFC 9110 section 13.1.2)."""
    values = ",".join(request.headers.getall("If-None-Match", []))
    return values.strip() == "*" or any(match[2] == etag for match in _ETAG.finditer(values))


def idempotency_key(request: web.Request, operation: ApiOperation) -> str | None:
    """Return the caller's name for this creation; raises ProblemError."""
    values = request.headers.getall("Idempotency-Key", [])
    if not values or not operation.creates:
        return None
    if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
        raise invalid("Idempotency-Key is 1 to 255 printable ASCII characters, without blanks.")
    return values[0]


def _shown(name: str) -> str:
    """Return a parameter's name as far as it is harmless to repeat."""
    return name if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name, re.ASCII) else "of this name"
