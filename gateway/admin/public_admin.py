"""The API and its console on the public port, at the one host name that the config gives them."""

from __future__ import annotations

from gateway.admin.application_bridge import ApplicationBridge
from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.model.decision import AccessRequest
from gateway.telemetry.record import RequestRecord


class PublicAdminEndpoint:
    """Answers everything at `host`; health, metrics and the admin token are not there."""

    name = "admin"
    paths: tuple[str, ...] = ()
    beneath = "/"

    def __init__(self, host: str, bridge: ApplicationBridge) -> None:
        self.hosts = frozenset({host})
        self._bridge = bridge

    def answer(self, request: DownstreamRequest, access: AccessRequest, _record: RequestRecord) -> Serving:
        """Begin to answer."""
        return self._bridge.answer(request, access.client)
