"""In one word, how a request ended; a metric label and a field of the access line."""

from __future__ import annotations

from enum import StrEnum

from gateway.telemetry.record import RequestRecord

_CLIENT_FAULT = 400
_OWN_FAULT = 500


class Outcome(StrEnum):
    """`allowed` and carried or answered, `refused` by the caller's own doing, `error` where we could not tell."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    ERROR = "error"


def outcome_of(record: RequestRecord) -> Outcome:
    """Judge by the decision, not by the status: an upstream's own 403 is an allowed request.

    Without a decision (malformed requests, the session-info endpoints) the status tells; a client that left before
    anything was answered was refused nothing.
    """
    status = record.status
    if record.decision is not None:
        refusal = record.decision.refusal
        status = 0 if refusal is None else refusal.status
    if status >= _OWN_FAULT:
        return Outcome.ERROR
    return Outcome.REFUSED if status >= _CLIENT_FAULT else Outcome.ALLOWED
