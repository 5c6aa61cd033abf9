"""Which paths of the public port the gateway answers itself (DESIGN section 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from gateway.config.settings import Sections
from gateway.dialects import normal
from gateway.dialects.kinds import DialectSettings, build_dialect
from gateway.endpoints import openapi


class OwnPath(msgspec.Struct, frozen=True):
    """A canonical path, who answers there, where the config says so, and for which host names (none: all)."""

    path: str
    owner: str
    place: tuple[str | int, ...] = ()
    hosts: frozenset[str] = frozenset()

    def meets(self, other: OwnPath) -> bool:
        """Tell whether some request is for both."""
        return self.path == other.path and (not self.hosts or not other.hosts or bool(self.hosts & other.hosts))


def own_paths(sections: Sections, session_info: Mapping[int, DialectSettings]) -> Iterator[OwnPath]:
    """Yield every own path of a config; `session_info` by its place in the list."""
    yield OwnPath(normal.PATH, "the session in its normal form")
    yield OwnPath(openapi.PATH, "the OpenAPI document")
    token = sections.identity.token
    if token is not None:
        yield OwnPath(token.jwks_path, "the identity token's keys", ("identity", "token", "jwks_path"))
    for name, endpoint in sections.forward_auth.endpoints():
        yield OwnPath(endpoint.path, f"forward-auth, {name}", ("forward_auth", name, "path"))
    for place, settings in session_info.items():
        for path in build_dialect(settings).paths:
            yield OwnPath(path, f"session_info, {settings.dialect}", ("session_info", place), frozenset(settings.hosts))
