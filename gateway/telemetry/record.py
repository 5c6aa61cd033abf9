"""What is known about one request while it is served, and its outcome in one word."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.decision import Decision
from gateway.model.refusal import Refusal
from gateway.telemetry.trace_context import TracedRequest


class RequestRecord(msgspec.Struct, eq=False):
    """Filled in by the endpoint, the gate and the forwarder; complete also when the client has gone.

    `started` and the other instants are of the monotonic clock, in seconds; 0 where the request did not get so far.
    `endpoint` is `proxy`, a dialect's name, `forward_auth.<proxy>` or the name of another own endpoint. `fault` is
    empty, or says in a few fixed words why an exchange failed (`connect refused`, `client gone`); it is a metric label,
    so it never holds foreign text. `trace_continued` says that the trace is the caller's, so that the caller's
    `tracestate` belongs to it. `refusal` is why it was answered as it was, where no decision says so: it never became a
    request, or could not be carried. `traced` is set when spans are made of the request. `bytes_in` and `bytes_out`
    count the bodies that the client sent and received.
    """

    request_id: str
    started: float
    endpoint: str = "proxy"
    method: str = ""
    host: str = ""
    path: str = ""
    client: str = ""
    trace_id: str = ""
    trace_continued: bool = False
    traceparent: bytes = b""
    traced: TracedRequest | None = None
    decision: Decision | None = None
    refusal: Refusal | None = None
    decided: float = 0.0
    status: int = 0
    upstream: str = ""
    upstream_status: int = 0
    upstream_began: float = 0.0
    upstream_first_byte: float = 0.0
    finished: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    retried: bool = False
    upgraded: bool = False
    fault: str = ""


_CLIENT_FAULT = 400
_OWN_FAULT = 500
_NOT_IMPLEMENTED = 501  # the caller's fault: a method that is not carried


class Outcome(StrEnum):
    """A metric label: `allowed` (forwarded or answered), `refused` (the caller's fault), `error` (ours)."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    ERROR = "error"


ALLOWED = Outcome.ALLOWED  # in Python 3.11 a member that is looked up in its class costs as much as three calls


def outcome_of(record: RequestRecord) -> Outcome:
    """Return the outcome by the decision and not by the status: an upstream's own 403 is an allowed request.

    Where there is no decision (malformed requests) the status counts; a client that left before there was an answer was
    not refused.
    """
    status = record.status
    if record.decision is not None:
        refusal = record.decision.refusal
        if refusal is None:
            return ALLOWED
        status = refusal.status
    if status >= _OWN_FAULT and status != _NOT_IMPLEMENTED:
        return Outcome.ERROR
    return Outcome.REFUSED if status >= _CLIENT_FAULT else ALLOWED
