"""A gateway that reads PROXY headers of 127.0.0.1, and the headers that are sent to it."""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.support.gateways.serving import Gateway
from tests.support.servers.recording_upstream import RecordingUpstream

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.9 192.0.2.1 32768 80\r\n"
V1_IPV6 = b"PROXY TCP6 2001:db8::9 2001:db8::1 32768 80\r\n"
ADDRESSES = socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.1") + b"\x80\x00\x00\x50"
V2 = SIGNATURE + b"\x21\x11\x00\x12" + ADDRESSES + b"\x04\x00\x03abc"
V2_LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
V2_UNSPECIFIED = SIGNATURE + b"\x21\x00\x00\x00"
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


def proxied(upstream_port: int, **sections: Any) -> dict[str, Any]:
    """Return a config with one public route; `sections` replace its own, but `listen` is added to."""
    at = f"http://127.0.0.1:{upstream_port}"
    listen = {"public": "[::]:0", "admin": "127.0.0.1:0", "proxy_protocol": True} | sections.pop("listen", {})
    return {
        "listen": listen,
        "secret": "a-secret-of-the-tests-that-is-long-enough",
        "trusted_proxies": ["127.0.0.1/32"],
        "routes": [{"name": "public", "match": {"path": "/"}, "access": "public", "upstream": at}],
        **sections,
    }


class ProxiedGateway:
    """A gateway behind a proxy at 127.0.0.1; callers at ::1 are nobody's."""

    def __init__(self, gateway: Gateway, upstream: RecordingUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.gateway.log().splitlines()]

    def last_client(self) -> str:
        return str([line for line in self.lines() if line["log"] == "access"][-1]["client"])

    def last_fault(self) -> str:
        return str([line for line in self.lines() if line.get("event") == "proxy_header_refused"][-1]["fault"])
