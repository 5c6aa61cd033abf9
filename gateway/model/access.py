"""The request under judgement, however it reached us."""

from __future__ import annotations

import msgspec

from gateway.model.headers import Headers
from gateway.model.host import Host
from gateway.model.target import Target


class AccessRequest(msgspec.Struct, frozen=True, gc=False):
    """What the gate judges; endpoints make one out of what their proxy or client sends.

    `scheme` is `http` or `https` as the client used it; `peer` is the address that the socket shows, `client` the
    address after trusted proxies were believed (the same, by default). `received_at` is in epoch seconds.
    """

    method: str
    scheme: str
    host: Host
    target: Target
    headers: Headers
    peer: str
    client: str
    received_at: float
    request_id: str

    @property
    def is_upgrade(self) -> bool:
        """Tell whether the client asks for another protocol (RFC 9110 section 7.8)."""
        return b"upgrade" in self.headers
