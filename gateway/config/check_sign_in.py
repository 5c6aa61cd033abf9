"""Problems of `sign_in`, and of the routes that lead to it, whose keys are right one by one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from gateway.authorities.directory import DirectorySettings
from gateway.config.check_require import check_require
from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RouteSettings
from gateway.config.sign_in_settings import OidcProviderSettings, SignInSettings
from gateway.credentials.bearer import BearerSettings
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.token_pair import TokenPairSettings
from gateway.dialects.memghost import MemghostSettings
from gateway.model.errors import Problem
from gateway.model.route import Access

_SHOWN_BY = {"rocketchat": TokenPairSettings, "memghost": BearerSettings}
"""Product -> the readers of what its clients show."""

_HOST_PREFIX = "__Host-"


def check_sign_in(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of the section, and of each route's `sign_in`."""
    settings = config.sections.sign_in
    if settings is not None:
        yield from _reader(config, settings)
        yield from _scope(config, settings)
        if settings.idle is not None and settings.idle <= config.sections.cache.fresh:
            text = "is no longer than cache.fresh: for so long nobody asks whether a session was in use"
            yield config.problem(text, "sign_in", "idle")
        yield from _logins(config, settings)
        for name, provider in settings.providers.items():
            if not isinstance(provider, OidcProviderSettings):
                if not is_hashing_installed():
                    text = "needs packages that are not installed: pip install 'session-gateway[passwords]'"
                    yield config.problem(text, "sign_in", "providers", name, "kind")
                continue
            yield from check_require(config, provider.require, ("sign_in", "providers", name, "require"))
            if provider.insecure_http:
                text = "lets an issuer be asked without TLS: whoever is on the way can say who everybody is"
                yield config.warning(text, "sign_in", "providers", name, "insecure_http")
    for place, route in config.routes.items():
        if route.sign_in:
            yield from _route(config, settings, place, route)


def is_hashing_installed() -> bool:
    """Return whether the package of the extra `passwords` is installed."""
    return find_spec("argon2") is not None


def _logins(config: PartialConfig, settings: SignInSettings) -> Iterator[Problem]:
    """Yield the products whose clients sign in elsewhere already, or get what nothing here reads or renews."""
    owners: dict[str, str] = {}
    for name, product in settings.logins():
        place = ("sign_in", "providers", name, "logins")
        if product in owners:
            yield config.problem(f"{product}'s clients sign in by {owners[product]} already", *place)
        owners[product] = name
        kind = _SHOWN_BY[product]
        if not any(isinstance(each, kind) for each in config.credentials.values()):
            text = f"no reader of credentials reads what {product}'s clients are given"
            yield config.warning(text, *place)
    if "memghost" in owners and not any(
        isinstance(each, MemghostSettings) and "refresh" in each.actions for each in config.session_info.values()
    ):
        text = "memghost's clients renew their tokens where no session_info of it has the action refresh"
        yield config.warning(text, "sign_in", "providers", owners["memghost"], "logins")


def _route(
    config: PartialConfig, settings: SignInSettings | None, place: int, route: RouteSettings
) -> Iterator[Problem]:
    """Yield what keeps a route from leading to its providers."""
    for position, name in enumerate(route.sign_in or ()):
        if settings is None or name not in settings.providers:
            yield config.problem(f"{name} is not one of sign_in.providers", "routes", place, "sign_in", position)
    if route.on_unauthenticated is not None:
        yield config.problem("is not used: on_unauthenticated leads to another login", "routes", place, "sign_in")
    if route.access is Access.PUBLIC:
        yield config.problem("is never asked for: the route is public", "routes", place, "sign_in")
    elif settings is not None and route.credentials is not None and settings.reader not in route.credentials:
        text = f"leads nowhere: the route does not read {settings.reader}, which a sign-in sets"
        yield config.problem(text, "routes", place, "sign_in")


def _reader(config: PartialConfig, settings: SignInSettings) -> Iterator[Problem]:
    """Yield what keeps the cookie from being one of a directory's sessions."""
    if settings.reader not in config.reader_names:
        yield config.problem(f"{settings.reader} is not one of credentials", "sign_in", "reader")
        return
    reader = config.credentials.get(settings.reader)
    if reader is None:
        return
    if not isinstance(reader, CookieSettings):
        yield config.problem(f"{settings.reader} is no cookie", "sign_in", "reader")
        return
    if not any(_issues_cookies(config, name) for name in reader.authority):
        text = f"no authority of {settings.reader} is a directory with tokens, which could begin a session"
        yield config.problem(text, "sign_in", "reader")
    if settings.cookie_domain is None and not reader.name.startswith(_HOST_PREFIX):
        text = f"its cookie's name must begin with {_HOST_PREFIX}: a neighbouring host could set it; or cookie_domain"
        yield config.problem(text, "sign_in", "reader")
    if settings.cookie_domain is not None and reader.name.startswith(_HOST_PREFIX):
        yield config.problem(f"a {_HOST_PREFIX} cookie has no domain", "sign_in", "cookie_domain")


def _issues_cookies(config: PartialConfig, name: str) -> bool:
    """Tell whether an authority begins sessions; one with a problem of its own is not judged twice."""
    authority = config.authorities.get(name)
    if authority is None:
        return name in config.authority_names
    return isinstance(authority, DirectorySettings) and authority.tokens is not None


def _scope(config: PartialConfig, settings: SignInSettings) -> Iterator[Problem]:
    domain = settings.cookie_domain
    for position, host in enumerate(settings.hosts if domain is not None else ()):
        if host != domain and not host.endswith(f".{domain}"):
            yield config.problem(f"is not within cookie_domain: {domain}", "sign_in", "hosts", position)
