"""A ResponseSink that keeps what it is told."""

from __future__ import annotations

from gateway.http1.faults import ExchangeError
from gateway.http1.response_head import ResponseHead


class FakeSink:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.heads: list[ResponseHead] = []
        self.received = b""
        self.flushes = 0
        self.outcome = ""
        self.rest = b""

    def whole(self, head: ResponseHead, body: bytes) -> None:
        self.head(head)
        self.received += body
        self.end()
        self.flush()

    def head(self, head: ResponseHead) -> None:
        self.heads.append(head)

    def body(self, data: bytes) -> None:
        assert data
        self.received += data

    def flush(self) -> None:
        self.flushes += 1

    def end(self) -> None:
        assert not self.outcome
        self.outcome = "complete"

    def fail(self, error: ExchangeError) -> None:
        assert not self.outcome
        self.outcome = error.fault.value

    def switched(self, head: ResponseHead, rest: bytes) -> None:
        assert not self.outcome
        self.outcome = f"switched {head.status}"
        self.rest = rest

    def expired(self) -> None:
        self.outcome = "expired"
