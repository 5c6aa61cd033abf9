"""Writes one line a request, on the request's path: every microsecond here is one of each request."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.telemetry.access_line import AccessLine, access_line
from gateway.telemetry.lines import LineBuffer
from gateway.telemetry.outcome import Outcome, outcome_of
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.timestamps import Stamps

Encode = Callable[[AccessLine], bytes]

_SERVER_FAULT = 500
_EVERYTHING = 1.0
_encode_json = msgspec.json.Encoder().encode


class AccessLog:
    """Takes finished records and holds their lines for the next flush.

    `defer` is asked to call the flush it is given soon (an event loop's `call_later` of a fraction of a second); it
    is asked once for each time the buffer fills from empty. `sample_allowed` is the share, 0 to 1, of the lines that
    tell of an allowed request without a fault; all others are always written. `chance` returns 0 <= x < 1.
    """

    def __init__(
        self,
        lines: LineBuffer,
        defer: Callable[[Callable[[], None]], object],
        stamps: Stamps,
        *,
        encode: Encode | None = None,
        sample_allowed: float = _EVERYTHING,
        chance: Callable[[], float],
    ) -> None:
        self._lines = lines
        self._defer = defer
        self._stamps = stamps
        self._encode = encode or encode_line
        self._sample = sample_allowed
        self._chance = chance

    def write(self, record: RequestRecord) -> None:
        """Write the line of a finished request, if it is one that is kept."""
        if self._sample < _EVERYTHING and _uneventful(record) and self._chance() >= self._sample:
            return
        if self._lines.hold(self._encode(access_line(record, self._stamps()))):
            self._defer(self._lines.flush)


def encode_line(line: AccessLine) -> bytes:
    """Encode as one line of JSON."""
    try:
        return _encode_json(line) + b"\n"
    except UnicodeEncodeError:  # bytes that were no UTF-8 arrive as surrogates, in requests that were refused
        return _encode_json(_encodable(line)) + b"\n"


def _encodable(line: AccessLine) -> AccessLine:
    texts = {name: value for name, value in msgspec.structs.asdict(line).items() if type(value) is str}
    escaped = {name: text.encode("utf-8", "backslashreplace").decode("utf-8") for name, text in texts.items()}
    return msgspec.structs.replace(line, **escaped)


def _uneventful(record: RequestRecord) -> bool:
    return not record.fault and record.status < _SERVER_FAULT and outcome_of(record) is Outcome.ALLOWED
