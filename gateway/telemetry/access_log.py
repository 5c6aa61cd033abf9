"""The access log: one wide line for each request, as JSON or for a terminal.

It is written on the request's path, so every microsecond here is one of each request.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from gateway.model.decision import Decision
from gateway.model.url import without_passwords
from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.record import Outcome, RequestRecord, outcome_of

_LONGEST_PATH = 1024
"""Characters of a path in the log: a line stays bounded whatever a caller sends."""

_PREFIX = 4
"""Bytes of a fingerprint in the log: enough to follow one credential through a day, too few to look it up."""


class AccessLine(msgspec.Struct, tag_field="log", tag="access", omit_defaults=True, gc=False, kw_only=True):
    """The fields of an access line; those with their default value are left out.

    Times are in milliseconds: `decide_ms` until the decision, `first_byte_ms` from the start of the upstream exchange
    to the first byte of its answer, `total_ms` for the whole request. `path` is without its query, which may hold
    development tokens or API keys of careless clients. `session_id` and `api_key_id` are what `gateway revoke` asks
    for. `reason` is the refusal's code, `rejected` the look-up's reason,
    `age` the seconds since an authority answered for the session.
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
    session_id: str = ""
    api_key_id: str = ""
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
    """Return the line of one request; `time` is when it ended."""
    line = AccessLine(
        time=time,
        request_id=record.request_id,
        trace_id=record.trace_id,
        endpoint=record.endpoint,
        client=record.client,
        method=record.method,
        host=record.host,
        path=loggable_path(record.path),
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
    decision, refusal = record.decision, record.refusal
    if decision is not None:
        _add_decision(line, decision)
        refusal = refusal or decision.refusal
    if refusal is not None:
        line.reason = refusal.code
        line.detail = refusal.detail
        line.rejected = refusal.rejected or ""
    return line


def _add_decision(line: AccessLine, decision: Decision) -> None:
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
            line.session_id = session.id or ""
            line.api_key_id = session.api_key.id if session.api_key is not None else ""


def loggable_path(path: str) -> str:
    """Return a bounded path without what a target that was refused unread may hold besides.

    That is a query after a `?`, and where there is an authority a password before an `@` (RFC 3986 section 3.2.1).
    """
    if not path.startswith("/") or path.startswith("//"):
        path = without_passwords(path).rpartition("@")[2]
    if "?" in path:
        path = path.partition("?")[0]
    return path if len(path) <= _LONGEST_PATH else path[:_LONGEST_PATH]


def _milliseconds(began: float, ended: float) -> float:
    """Return the milliseconds between two instants in seconds, with three decimals; 0 where one of them is missing."""
    return int((ended - began) * 1e6) / 1000 if ended > began > 0 else 0.0


Encode = Callable[[AccessLine], bytes]
"""Returns a line with its newline."""

_SERVER_FAULT = 500
_EVERYTHING = 1.0
_encode_json = msgspec.json.Encoder().encode


class AccessLog:
    """Buffers the lines of finished requests until the next flush.

    `defer` gets the flush and calls it soon (an event loop's `call_later` of a fraction of a second), once each time
    that the buffer fills from empty. `sample_allowed` is the share, 0 to 1, of allowed requests without a fault whose
    lines are written; all other lines always are. `chance` returns 0 <= x < 1.
    """

    def __init__(
        self,
        lines: LineBuffer,
        defer: Callable[[Callable[[], None]], object],
        timestamps: Timestamps,
        *,
        encode: Encode | None = None,
        sample_allowed: float = _EVERYTHING,
        chance: Callable[[], float],
    ) -> None:
        self._lines = lines
        self._defer = defer
        self._timestamps = timestamps
        self._encode = encode or encode_line
        self._sample = sample_allowed
        self._chance = chance

    def write(self, record: RequestRecord) -> None:
        """Write the line of a finished request, unless sampling leaves it out."""
        if self._sample < _EVERYTHING and _uneventful(record) and self._chance() >= self._sample:
            return
        if self._lines.append(self._encode(access_line(record, self._timestamps()))):
            self._defer(self._lines.flush)


def encode_line(line: AccessLine) -> bytes:
    """Encode as one line of JSON."""
    try:
        return _encode_json(line) + b"\n"
    except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as surrogates, in requests that were refused
        return _encode_json(_escaped(line)) + b"\n"


def _escaped(line: AccessLine) -> AccessLine:
    texts = {name: value for name, value in msgspec.structs.asdict(line).items() if type(value) is str}
    escaped = {name: text.encode("utf-8", "backslashreplace").decode("utf-8") for name, text in texts.items()}
    return msgspec.structs.replace(line, **escaped)


def _uneventful(record: RequestRecord) -> bool:
    return not record.fault and record.status < _SERVER_FAULT and outcome_of(record) is Outcome.ALLOWED


# An escape sequence in a path would move the cursor of somebody's terminal, or worse.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_COLOURS = {Outcome.ALLOWED: "\x1b[32m", Outcome.REFUSED: "\x1b[33m", Outcome.ERROR: "\x1b[31m"}
_PLAIN = "\x1b[0m"
_TIME = slice(11, 23)  # the time of day in 2026-01-31T12:00:00.250Z


class ConsoleLines:
    """Writes access lines as `12:00:00.250 GET 200 /orders/1 allowed orders api_key user_1 memory 3.2ms`.

    `colour` is for terminals only.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, line: AccessLine) -> bytes:
        """Return one line with its newline, as `Encode` does."""
        who = (line.credential, line.subject, line.tier)
        why = (line.reason, line.rejected, line.rule if line.reason else "", line.fault)
        words = (
            line.method or "-",
            str(line.status),
            line.path or "-",
            self._outcome(line),
            line.route or line.endpoint,
        )
        text = " ".join(_visible(word) for word in (*words, *who, *why) if word)
        return f"{line.time[_TIME]} {self._paint(text, line)} {line.total_ms:.1f}ms\n".encode()

    def _outcome(self, line: AccessLine) -> str:
        return f"{line.decision}, stale" if line.stale else line.decision

    def _paint(self, text: str, line: AccessLine) -> str:
        return f"{_COLOURS[line.decision]}{text}{_PLAIN}" if self._colour else text


def _visible(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
