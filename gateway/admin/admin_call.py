"""What the front knows of a call that an aiohttp.web handler answers."""

from __future__ import annotations

from typing import cast

import msgspec
from aiohttp import web

from gateway.http1.downstream import DownstreamRequest
from gateway.telemetry.audit import Actor

EXTRA = "gateway.call"
"""The name under which the transport of a request hands it on (`BaseRequest.get_extra_info`)."""


class AdminCall(msgspec.Struct, frozen=True):
    """One call: its id, which is never the client's, the request as the front has read it, and from where it came."""

    request_id: str
    request: DownstreamRequest
    way_in: str
    client: str

    @property
    def actor(self) -> Actor:
        """Who it is in the audit log, before any credential was looked at."""
        return Actor(self.way_in, self.client, self.request_id)


def call_of(request: web.BaseRequest) -> AdminCall:
    """Return the call that `request` came in."""
    return cast("AdminCall", request.get_extra_info(EXTRA))
