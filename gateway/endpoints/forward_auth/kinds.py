"""The table of proxies that have a forward-auth endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.endpoints.forward_auth.caddy import CaddyReader, CaddySettings
from gateway.endpoints.forward_auth.envoy import EnvoyReader, EnvoySettings
from gateway.endpoints.forward_auth.nginx import NginxReader, NginxSettings
from gateway.endpoints.forward_auth.original import ForwardAuthEndpointSettings, OriginalReader
from gateway.endpoints.forward_auth.traefik import TraefikReader, TraefikSettings
from gateway.source.values import SettingsModel


class ForwardAuthSettings(SettingsModel):
    """The forward-auth endpoints of a config; only those that are in it exist."""

    nginx: NginxSettings | None = None
    traefik: TraefikSettings | None = None
    caddy: CaddySettings | None = None
    envoy: EnvoySettings | None = None

    def endpoints(self) -> Iterator[tuple[str, ForwardAuthEndpointSettings]]:
        """Yield the configured endpoints, each with its proxy's name."""
        for name in type(self).model_fields:
            settings = getattr(self, name)
            if settings is not None:
                yield name, settings


def build_reader(settings: ForwardAuthEndpointSettings) -> OriginalReader:
    """Return the reader for an endpoint's settings; raises TypeError for settings of no kind."""
    match settings:
        case NginxSettings():
            return NginxReader()
        case TraefikSettings():
            return TraefikReader()
        case CaddySettings():
            return CaddyReader()
        case EnvoySettings():
            return EnvoyReader(settings.path)
    raise TypeError(f"{type(settings).__name__} describes no endpoint")
