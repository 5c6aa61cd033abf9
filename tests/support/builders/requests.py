"""AccessRequests for tests that start at the judgement."""

from __future__ import annotations

from gateway.model.decision import AccessRequest
from gateway.model.headers import Headers
from gateway.model.host import parse_host
from gateway.model.target import parse_target


def access_request(
    method: str = "GET",
    target: str = "/",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    host: bytes = b"gateway.test",
    client: str = "192.0.2.1",
) -> AccessRequest:
    raw = ((b"Host", host), *headers)
    return AccessRequest(
        method, "http", parse_host([host], "http"), parse_target(target), Headers(raw), client, client, 0.0, "req-1"
    )
