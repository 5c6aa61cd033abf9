"""What the config says of Envoy's questions over gRPC, at `listen.grpc`."""

from __future__ import annotations

from pydantic import Field

from gateway.source.values import Peer, PositiveDuration, SettingsModel

_KIB = 1024


class ExtAuthzSettings(SettingsModel):
    """Who may ask (nobody by default), and what one of them may send; `call_timeout` in seconds, for a whole question.

    `streams` are the questions of one connection that may be under way, `connections` those of each process.
    """

    peers: tuple[Peer, ...] = ()
    message_bytes: int = Field(default=256 * _KIB, ge=_KIB)
    streams: int = Field(default=1024, ge=100)
    connections: int = Field(default=1024, ge=1)
    call_timeout: PositiveDuration = 10.0
