"""The paths that the gateway answers itself, and the problems of two for one request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RouteSettings
from gateway.config.settings import Sections
from gateway.dialects import normal, own_sessions
from gateway.dialects.kinds import serve
from gateway.dialects.product_actions import build_actions
from gateway.dialects.settings import EndpointSettings
from gateway.endpoints.own_paths import DEVICES, DOCUMENT, LOGINS, OWN
from gateway.model.errors import Problem


class OwnPath(msgspec.Struct, frozen=True):
    """A canonical path that the gateway answers itself.

    `owner` says which endpoint, `key` is the place in the config that asks for it. Empty `hosts` are all.
    """

    path: str
    owner: str
    key: tuple[str | int, ...] = ()
    hosts: frozenset[str] = frozenset()

    def meets(self, other: OwnPath) -> bool:
        """Return whether one request may be for both."""
        return self.path == other.path and (not self.hosts or not other.hosts or bool(self.hosts & other.hosts))


def own_paths(sections: Sections, session_info: Mapping[int, EndpointSettings]) -> Iterator[OwnPath]:
    """Yield every own path of a config; `session_info` maps a place in that list to its settings."""
    yield OwnPath(normal.PATH, "the session in its normal form")
    yield OwnPath(DOCUMENT, "the OpenAPI document")
    if sections.sessions is not None:
        for path in (*own_sessions.PATHS, DEVICES):
            hosts = frozenset(sections.sessions.hosts)
            yield OwnPath(path, "people's own sessions", ("sessions",), hosts)
    if sections.sign_in is not None:
        hosts = frozenset(sections.sign_in.hosts)
        for name, product in sections.sign_in.logins():
            for path in LOGINS[product]:
                yield OwnPath(path, f"sign-in, {product}", ("sign_in", "providers", name, "logins"), hosts)
    token = sections.identity.token
    if token is not None:
        yield OwnPath(token.jwks_path, "the identity token's keys", ("identity", "token", "jwks_path"))
    for name, endpoint in sections.forward_auth.items():
        yield OwnPath(endpoint.path, f"forward-auth, {name}", ("forward_auth", name, "path"))
    for place, settings in session_info.items():
        actions = build_actions(settings)
        acted = [path for each in actions.actions for path in each.paths] if actions is not None else []
        for path in (*serve(settings).paths, *acted):
            yield OwnPath(path, f"session_info, {settings.dialect}", ("session_info", place), frozenset(settings.hosts))


def check_own_paths(config: PartialConfig) -> Iterator[Problem]:
    """Yield every two own paths that one request may be for."""
    earlier: list[OwnPath] = []
    reported = set()
    for own in own_paths(config.sections, config.session_info):
        other = next((other for other in earlier if own.meets(other)), None)
        if other is not None and own.key not in reported:
            reported.add(own.key)  # a dialect has two spellings of its path; one problem is enough
            yield config.problem(f"answers at {own.path}, where {other.owner} is answered already", *own.key)
        earlier.append(own)


def check_taken_path(config: PartialConfig, place: int, route: RouteSettings) -> Iterator[Problem]:
    """Yield routes for a path that the gateway answers itself: own paths win."""
    taken = [own for own in own_paths(config.sections, config.session_info) if _takes(own, route)]
    for own in taken:
        text = f"the gateway answers {own.path} itself ({own.owner}), this route does not get it"
        yield config.warning(text, "routes", place, "match", "path")
    if not taken and route.match.path.startswith(OWN):
        text = f"is beneath {OWN}, where the gateway alone answers: this route gets nothing"
        yield config.warning(text, "routes", place, "match", "path")


def _takes(own: OwnPath, route: RouteSettings) -> bool:
    hosts_meet = not own.hosts or not route.match.host or route.match.host in own.hosts
    return hosts_meet and own.path in {route.match.path, route.match.path.removesuffix("/")}
