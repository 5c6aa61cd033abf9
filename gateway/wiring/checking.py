"""The door at which Envoy asks over gRPC, built from one config."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.config.settings import Settings
from gateway.endpoints.forward_auth.client_fields import ClientFields
from gateway.endpoints.forward_auth.envoy import EnvoyReader
from gateway.endpoints.forward_auth.forward_auth import AllowCaching, AskingProxy, ForwardAuthEndpoint
from gateway.endpoints.networks import Networks
from gateway.endpoints.own_paths import OWN
from gateway.endpoints.public_port import PublicPort
from gateway.http1.head_parser import HeadLimits
from gateway.telemetry.journal import Journal
from gateway.wiring.endpoints import ForwardAuthParts

if TYPE_CHECKING:
    from gateway.ext_authz.check_port import CheckPort

_PATH = f"{OWN}auth/envoy_grpc"
"""Before the path of a decision request that is made of a question; nobody can ask there over HTTP."""


def check_port(settings: Settings, parts: ForwardAuthParts, journal: Journal) -> CheckPort | None:
    """Return what answers at `listen.grpc`, None where the config has none; `check` has seen that it can be built."""
    if settings.listen.grpc is None:
        return None
    from gateway.ext_authz.check_port import CheckPort  # noqa: PLC0415 - these need the extra `grpc`
    from gateway.ext_authz.check_request import CheckReading  # noqa: PLC0415
    from gateway.ext_authz.check_response import Wording  # noqa: PLC0415

    reader, peers = EnvoyReader(_PATH, "envoy_grpc"), Networks(settings.ext_authz.peers)
    credentials = frozenset(name for each in parts.readers for name in each.headers)
    fields = ClientFields(reader, parts.heads, parts.identity.names, credentials)
    proxy = AskingProxy(reader, peers, _PATH, AllowCaching())
    endpoint = ForwardAuthEndpoint(proxy, parts.gate, parts.identity, fields, parts.accesses, parts.now)
    cookies = {b"cookie"} if any(each.cookies for each in parts.readers) else set()
    limits = msgspec.convert(settings.limits, HeadLimits, from_attributes=True)
    return CheckPort(
        PublicPort((), endpoint, parts.accesses, journal, {_PATH: endpoint}),
        CheckReading(_PATH, credentials | cookies | {b"authorization"}, settings.limits.head_bytes),
        Wording(reader.removes.lower()),
        limits,
        peers.include,
    )
