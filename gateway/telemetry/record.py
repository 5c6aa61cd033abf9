"""What is learnt about one request while it is served; one wide event is made out of it."""

from __future__ import annotations

import msgspec

from gateway.model.decision import Decision
from gateway.telemetry.traced import Traced


class RequestRecord(msgspec.Struct, eq=False):
    """Filled in by whoever knows: the endpoint, the gate, the forwarder. Complete also when the client vanished.

    `started` and the other instants are of the monotonic clock, in seconds, 0 where it never came to that. `endpoint`
    is `proxy`, a dialect's name, `forward_auth.<proxy>` or the own path's name. `fault` is empty, or says in a few
    fixed words why an exchange failed (`connect refused`, `client gone`); it is a metric label, so it never holds
    foreign text. `trace_continued` tells that the trace is the caller's, whose `tracestate` then belongs to it.
    `traced` is there when spans are to be made of the request. `bytes_in` and `bytes_out` count bodies, as the client
    sent and got them.
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
    traced: Traced | None = None
    decision: Decision | None = None
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
