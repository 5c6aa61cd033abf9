"""What one request leaves in the log: one wide line with everything that was learnt about it."""

from __future__ import annotations

import msgspec

from gateway.model.decision import Decision
from gateway.telemetry.outcome import Outcome, outcome_of
from gateway.telemetry.record import RequestRecord

_LONGEST_PATH = 1024
"""Characters of a path that are kept: a line stays bounded whatever a caller sends."""

_PREFIX = 4
"""Bytes of a fingerprint that are shown: enough to follow one credential through a day's log, too few to look it up."""


class AccessLine(msgspec.Struct, tag_field="log", tag="access", omit_defaults=True, gc=False, kw_only=True):
    """The fields of an access line; those that did not come up are left out.

    `*_ms` are milliseconds: until the decision, from the upstream's turn to its first byte, and in all. `path` is
    without its query, where development tokens and API keys of careless clients stand. `reason` is the refusal's
    code, `rejected` what the look-up said, `age` the seconds since an authority vouched for the session.
    """

    time: str
    request_id: str
    endpoint: str
    method: str
    path: str
    status: int
    decision: Outcome
    total_ms: float
    trace_id: str = ""
    client: str = ""
    host: str = ""
    route: str = ""
    rule: str = ""
    reason: str = ""
    rejected: str = ""
    detail: str = ""
    credential: str = ""
    reader: str = ""
    fingerprint: str = ""
    subject: str = ""
    tier: str = ""
    authority: str = ""
    age: float = 0.0
    stale: bool = False
    upstream: str = ""
    upstream_status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    decide_ms: float = 0.0
    first_byte_ms: float = 0.0
    retried: bool = False
    upgraded: bool = False
    fault: str = ""


def access_line(record: RequestRecord, time: str) -> AccessLine:
    """Make the line of one request; `time` is when it ended."""
    line = AccessLine(
        time=time,
        request_id=record.request_id,
        trace_id=record.trace_id,
        endpoint=record.endpoint,
        client=record.client,
        method=record.method,
        host=record.host,
        path=shown_path(record.path),
        status=record.status,
        decision=outcome_of(record),
        upstream=record.upstream,
        upstream_status=record.upstream_status,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        decide_ms=_milliseconds(record.started, record.decided),
        first_byte_ms=_milliseconds(record.upstream_began, record.upstream_first_byte),
        total_ms=_milliseconds(record.started, record.finished),
        retried=record.retried,
        upgraded=record.upgraded,
        fault=record.fault,
    )
    if record.decision is not None:
        _tell_decision(line, record.decision)
    return line


def _tell_decision(line: AccessLine, decision: Decision) -> None:
    line.rule = decision.rule
    if decision.route is not None:
        line.route = decision.route.name
    credential = decision.credential
    if credential is not None:
        line.credential = credential.kind
        line.reader = credential.reader
        line.fingerprint = credential.fingerprint[:_PREFIX].hex()
    resolution = decision.resolution
    if resolution.answer is not None:
        line.tier = resolution.tier
        line.authority = resolution.authority
        line.age = int(resolution.age * 10) / 10
        line.stale = resolution.stale
        session = resolution.session
        if session is not None:
            line.subject = session.subject
    refusal = decision.refusal
    if refusal is not None:
        line.reason = refusal.code
        line.detail = refusal.detail
        line.rejected = refusal.rejected or ""


def shown_path(path: str) -> str:
    """Cut off what a target that was refused unread may hold besides its path, and bound it.

    Behind a `?` stands a query, before an `@` of an absolute form a password (RFC 3986 section 3.2.1).
    """
    if "?" in path:
        path = path.partition("?")[0]
    if not path.startswith("/"):
        path = path.rpartition("@")[2]
    return path if len(path) <= _LONGEST_PATH else path[:_LONGEST_PATH]


def _milliseconds(began: float, ended: float) -> float:
    """Return the time between two instants in milliseconds with three decimals, 0 where it never came to either."""
    return int((ended - began) * 1e6) / 1000 if ended > began > 0 else 0.0
