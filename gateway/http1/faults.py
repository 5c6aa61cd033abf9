"""Why an exchange with an upstream failed, in a closed set of words, and the answer that each suggests.

GatewayError
└── ExchangeError       an exchange failed: its `fault` labels logs and metrics, its `refusal` is the answer
"""

from __future__ import annotations

from enum import StrEnum

from gateway.model.errors import GatewayError
from gateway.model.refusal import Refusal, RefusalCode, mistake


class Fault(StrEnum):
    """Every way in which an exchange can fail; values are metric labels and never change."""

    NAME = "name not resolved"
    CONNECT = "connect refused"
    CONNECT_TIMEOUT = "connect timeout"
    TLS = "tls failed"
    QUEUE_FULL = "queue full"
    QUEUE_TIMEOUT = "queue timeout"
    LOST = "connection lost"
    BAD_RESPONSE = "bad response"
    RESPONSE_TIMEOUT = "response timeout"
    IDLE_TIMEOUT = "idle timeout"
    TOTAL_TIMEOUT = "total timeout"
    TRUNCATED = "truncated"
    CLIENT_GONE = "client gone"
    CLIENT_STALLED = "client stalled"
    BODY_BROKEN = "request body broken"
    BODY_TOO_LARGE = "request body too large"
    ENDED = "ended by revocation or drain"
    GAVE_WAY = "slow caller gave way"
    TOO_MANY_BODIES = "too many bodies of one address"
    TOO_MANY_STREAMS = "too many streams of one address"


_CODES = {
    Fault.QUEUE_FULL: RefusalCode.UNAVAILABLE,
    Fault.QUEUE_TIMEOUT: RefusalCode.UNAVAILABLE,
    Fault.CONNECT_TIMEOUT: RefusalCode.UPSTREAM_TIMEOUT,
    Fault.RESPONSE_TIMEOUT: RefusalCode.UPSTREAM_TIMEOUT,
    Fault.IDLE_TIMEOUT: RefusalCode.UPSTREAM_TIMEOUT,
    Fault.TOTAL_TIMEOUT: RefusalCode.UPSTREAM_TIMEOUT,
    Fault.CLIENT_STALLED: RefusalCode.TIMEOUT,
    Fault.BODY_BROKEN: RefusalCode.MALFORMED,
    Fault.BODY_TOO_LARGE: RefusalCode.TOO_LARGE,
    Fault.ENDED: RefusalCode.UNAVAILABLE,
    Fault.GAVE_WAY: RefusalCode.TIMEOUT,
    Fault.TOO_MANY_BODIES: RefusalCode.RATE_LIMITED,
    Fault.TOO_MANY_STREAMS: RefusalCode.RATE_LIMITED,
}
_KINDS = {
    Fault.CLIENT_STALLED: "nothing of the body came for limits.body_stall",
    Fault.BODY_BROKEN: "the body cannot be read",
    Fault.BODY_TOO_LARGE: "the body is larger than body_bytes",
    Fault.GAVE_WAY: "the body came slowly, and others needed its place",
}
"""What callers are told of their own mistakes, where the fault's name is no sentence."""

_PASSING = frozenset({RefusalCode.UNAVAILABLE, RefusalCode.RATE_LIMITED})
_RETRY_AFTER = 1
"""Seconds: a full pool is a matter of moments."""


class ExchangeError(GatewayError):
    """An exchange failed. `detail` is for the log: it may name addresses, never a header or a body.

    The front gives it to whoever reads a body that the caller does not send as it should.
    """

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail or _KINDS.get(fault, fault.value)

    @property
    def refusal(self) -> Refusal:
        """What to answer, as long as nothing was answered yet: 502 unless the fault says otherwise."""
        code = _CODES.get(self.fault, RefusalCode.BAD_GATEWAY)
        if self.fault in _KINDS:
            return mistake(code, self.detail)
        return Refusal(code, str(self), None, _RETRY_AFTER if code in _PASSING else None)
