"""What is learnt about one request while it is served; one wide event is made out of it."""

from __future__ import annotations

from gateway.model.decision import Decision
from gateway.telemetry.traced import Traced


class RequestRecord:
    """Filled in by whoever knows: the door, the gate, the forwarder. Complete also when the client vanished.

    `started` and the other instants are of the monotonic clock, in seconds, 0 where it never came to that. `door` is
    `proxy`, a dialect's name, `forward_auth.<proxy>` or the own path's name. `fault` is empty, or says in a few fixed
    words why an exchange failed (`connect refused`, `client gone`); it is a metric label, so it never holds foreign
    text. `trace_continued` tells that the trace is the caller's, whose `tracestate` then belongs to it. `traced` is
    there when spans are to be made of the request. `bytes_in` and `bytes_out` count bodies, as the client sent and got
    them.
    """

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "client",
        "decided",
        "decision",
        "door",
        "fault",
        "finished",
        "host",
        "method",
        "path",
        "request_id",
        "retried",
        "started",
        "status",
        "trace_continued",
        "trace_id",
        "traced",
        "traceparent",
        "upgraded",
        "upstream",
        "upstream_began",
        "upstream_first_byte",
        "upstream_status",
    )

    def __init__(self, request_id: str, started: float) -> None:
        self.request_id = request_id
        self.started = started
        self.door = "proxy"
        self.method = ""
        self.host = ""
        self.path = ""
        self.client = ""
        self.trace_id = ""
        self.trace_continued = False
        self.traceparent = b""
        self.traced: Traced | None = None
        self.decision: Decision | None = None
        self.decided = 0.0
        self.status = 0
        self.upstream = ""
        self.upstream_status = 0
        self.upstream_began = 0.0
        self.upstream_first_byte = 0.0
        self.finished = 0.0
        self.bytes_in = 0
        self.bytes_out = 0
        self.retried = False
        self.upgraded = False
        self.fault = ""
