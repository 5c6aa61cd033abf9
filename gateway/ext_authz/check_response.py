"""What Envoy is told over gRPC, made of the answer that it would get over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.ext_authz.messages import CheckResponse
from gateway.ext_authz.statuses import OK, percent_encoded, status_of
from gateway.model.decision import Decision, HeaderPairs, Response
from gateway.model.headers import Headers
from gateway.model.memo import AdmissionMemo

APPEND, OVERWRITE = 0, 2
"""Of HeaderAppendAction: beside a field of the same name, or in its place."""

_ALLOWED = 200
_REMEMBERED = 1024
"""Allows that are remembered, each of _LONGEST bytes at most."""

_LONGEST = 4096
_GRPC = b"application/grpc"
_OF_THE_ANSWER = frozenset({b"cache-control", b"vary"})
"""Fields of an allow that are about how long it may be cached: this one is not."""

_BESIDE_OTHERS = frozenset({b"set-cookie", b"vary", b"www-authenticate"})
"""Fields of a response that may stand there several times, also from the application."""

_OF_A_BODY = frozenset({b"content-type", b"content-security-policy", b"vary"})
"""Fields that a gRPC caller is not told: its answer has no body."""


class Wording:
    """How Envoy is answered; `removes` is the field of an allow that lists what to remove, in lower case."""

    def __init__(self, removes: bytes) -> None:
        self._removes = removes
        self._allows: AdmissionMemo[HeaderPairs, bytes] = AdmissionMemo(_REMEMBERED)

    def word(self, answer: Response, decision: Decision | None, headers: Headers | None) -> bytes:
        """Return the CheckResponse of an answer; an allow is only what both the answer and the decision call one.

        `headers` are the client's, by which a gRPC caller is known; None where the question could not be read.
        """
        if answer.status == _ALLOWED and decision is not None and decision.allowed:
            return self._allowed(answer, decision)
        denied: bytes = _deny(answer, is_grpc(headers)).SerializeToString()
        return denied

    def _allowed(self, answer: Response, decision: Decision) -> bytes:
        """Word an allow; equal fields, none of which are for the client, are worded once."""
        known = None if decision.caller_headers else self._allows.get(answer.fields)
        if known is not None:
            return known
        worded: bytes = self._allow(answer, decision).SerializeToString()
        if not decision.caller_headers and len(worded) <= _LONGEST:
            self._allows.put(answer.fields, worded, answer.fields)
        return worded

    def _allow(self, answer: Response, decision: Decision) -> Any:
        response = CheckResponse()
        response.status.code = OK
        allow = response.ok_response
        of_caller = decision.caller_headers
        for name, value in answer.fields[: len(answer.fields) - len(of_caller)]:
            lower = name.lower()
            if lower == self._removes:
                allow.headers_to_remove.extend(value.decode("ascii").split(","))
            elif lower in _OF_THE_ANSWER:
                continue
            elif value:
                _add(allow.headers, name, value, OVERWRITE)
            else:
                allow.headers_to_remove.append(lower.decode("ascii"))
        _tell_client(allow.response_headers_to_add, of_caller)
        return response


def is_grpc(headers: Headers | None) -> bool:
    """Tell whether a gRPC caller waits for the answer: by its content type, `application/grpc` or with `+proto`."""
    values = headers.all(b"content-type") if headers is not None else ()
    essence = values[0].partition(b";")[0].strip(b" \t").lower() if values else b""
    return essence == _GRPC or essence.startswith(_GRPC + b"+")


def _deny(answer: Response, told_by_grpc: bool) -> Any:  # noqa: FBT001 - two ways of wording one answer
    """Word a refusal; for a gRPC caller Envoy makes a status of the HTTP status, and its message of the body."""
    response = CheckResponse()
    status = answer.status if answer.status != _ALLOWED else 403
    denied = response.denied_response
    response.status.code, response.status.message = status_of(status)
    denied.status.code = status
    if not told_by_grpc:
        _tell_client(denied.headers, answer.fields)
        denied.body = answer.body.decode("utf-8")
        return response
    _tell_client(denied.headers, (field for field in answer.fields if field[0].lower() not in _OF_A_BODY))
    message = _message_of(answer.body) or response.status.message
    _add(denied.headers, b"grpc-status", b"%d" % response.status.code, OVERWRITE)
    _add(denied.headers, b"grpc-message", percent_encoded(message), OVERWRITE)
    denied.body = message
    return response


class _RefusalWords(msgspec.Struct):
    message: str = ""


class _RefusalDocument(msgspec.Struct):
    error: _RefusalWords


def _message_of(body: bytes) -> str:
    """Return the sentence of a refusal's body, empty for a page."""
    try:
        return msgspec.json.decode(body, type=_RefusalDocument).error.message
    except msgspec.MsgspecError:
        return ""


def _tell_client(options: Any, fields: HeaderPairs | Iterable[tuple[bytes, bytes]]) -> None:
    """Add fields for the client; two of one name stand beside each other."""
    names: set[bytes] = set()
    for name, value in fields:
        lower = name.lower()
        _add(options, name, value, APPEND if lower in _BESIDE_OTHERS or lower in names else OVERWRITE)
        names.add(lower)


def _add(options: Any, name: bytes, value: bytes, action: int) -> None:
    option = options.add()
    option.header.key = name.decode("ascii").lower()
    option.header.value = value.decode("utf-8", "replace")
    option.append_action = action
