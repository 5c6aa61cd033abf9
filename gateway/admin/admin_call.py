"""What the front knows of a call that an aiohttp.web handler answers."""

from __future__ import annotations

from typing import cast

import msgspec
from aiohttp import web

from gateway.telemetry.audit import Actor

EXTRA = "gateway.call"
"""The name under which the transport of a request hands it on (`BaseRequest.get_extra_info`)."""


class AdminCall(msgspec.Struct, frozen=True):
    """One call: its id, which is never the client's, and the address that the socket shows."""

    request_id: str
    peer: str

    @property
    def actor(self) -> Actor:
        """Who it is in the audit log, before any credential was looked at."""
        return Actor("admin_port", self.peer, self.request_id)


def call_of(request: web.BaseRequest) -> AdminCall:
    """Return the call that `request` came in."""
    return cast("AdminCall", request.get_extra_info(EXTRA))
