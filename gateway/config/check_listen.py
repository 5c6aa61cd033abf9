"""Problems of where the gateway listens, and of who its peers then are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.config.partial import PartialConfig
from gateway.config.settings import ListenSettings
from gateway.model.client_address import SOCKET_FILE
from gateway.model.errors import Problem
from gateway.model.route import LimitBy
from gateway.source.addresses import ListenPlace, SocketFile, are_one_place
from gateway.source.document import KeyPath

_OTHERS_MAY_WRITE = 0o002


def check_listen(config: PartialConfig) -> Iterator[Problem]:
    """Yield places that are one, socket files that others may replace, and callers that nobody can tell apart."""
    listen = config.sections.listen
    places = _places(listen)
    yield from _clashes(config, places)
    yield from _open_folders(config, places)
    if listen.proxy_protocol and not config.sections.trusted_proxies:
        yield config.problem("is read from trusted_proxies alone, and there are none", "listen", "proxy_protocol")
    if SOCKET_FILE not in config.sections.trusted_proxies and any(isinstance(at, SocketFile) for at in listen.public):
        yield from _one_caller(config)


def _places(listen: ListenSettings) -> list[tuple[KeyPath, ListenPlace]]:
    several = len(listen.public) > 1
    places: list[tuple[KeyPath, ListenPlace]] = [
        (("public", number) if several else ("public",), place) for number, place in enumerate(listen.public)
    ]
    places.append((("admin",), listen.admin))
    return places if listen.health is None else [*places, (("health",), listen.health)]


def _clashes(config: PartialConfig, places: Sequence[tuple[KeyPath, ListenPlace]]) -> Iterator[Problem]:
    for number, (path, place) in enumerate(places):
        for earlier, other in places[:number]:
            if are_one_place(place, other):
                yield config.problem(f"is where listen.{earlier[0]} listens already, at {other}", "listen", *path)


def _open_folders(config: PartialConfig, places: Sequence[tuple[KeyPath, ListenPlace]]) -> Iterator[Problem]:
    """Yield socket files where everybody may put a socket first, and hear what callers send."""
    for path, place in places:
        if not isinstance(place, SocketFile):
            continue
        try:
            mode = Path(place.path).parent.stat().st_mode
        except OSError:  # made at the start, as systemd does
            continue
        if mode & _OTHERS_MAY_WRITE:
            text = "is in a folder where everybody may write: another program may listen there in our place"
            yield config.warning(text, "listen", *path)


def _one_caller(config: PartialConfig) -> Iterator[Problem]:
    """Yield limits that count everybody behind a proxy at a socket file as one address."""
    for place, route in config.routes.items():
        if route.rate_limit is not None and route.rate_limit.per is LimitBy.ADDRESS:
            text = "counts all callers at the socket file of listen.public as one: trusted_proxies does not list unix"
            yield config.warning(text, "routes", place, "rate_limit", "per")
