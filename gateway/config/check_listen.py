"""Problems of where the gateway listens, and of who its peers then are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from gateway.config.partial import PartialConfig
from gateway.config.settings import ListenSettings
from gateway.model.client_address import SOCKET_FILE
from gateway.model.errors import Problem
from gateway.model.route import LimitBy
from gateway.source.addresses import ListenAddress, ListenPlace, SocketFile, are_one_place, is_loopback
from gateway.source.document import KeyPath

_OTHERS_MAY_WRITE = 0o002
_GRPC_PACKAGES = ("h2.connection", "google.protobuf.message")
_GRPC_REMEDY = "pip install 'session-gateway[grpc]'"


def check_listen(config: PartialConfig) -> Iterator[Problem]:
    """Yield places that are one, socket files that others may replace, and callers that nobody can tell apart."""
    listen = config.sections.listen
    places = _places(listen)
    yield from _clashes(config, places)
    yield from _open_folders(config, places)
    if listen.proxy_protocol and not config.sections.trusted_proxies:
        yield config.problem("is read from trusted_proxies alone, and there are none", "listen", "proxy_protocol")
    yield from _grpc(config)
    if SOCKET_FILE not in config.sections.trusted_proxies and any(isinstance(at, SocketFile) for at in listen.public):
        yield from _one_caller(config)


def _places(listen: ListenSettings) -> list[tuple[KeyPath, ListenPlace]]:
    several = len(listen.public) > 1
    places: list[tuple[KeyPath, ListenPlace]] = [
        (("public", number) if several else ("public",), place) for number, place in enumerate(listen.public)
    ]
    places.append((("admin",), listen.admin))
    places += [((name,), place) for name in ("health", "grpc") if (place := getattr(listen, name)) is not None]
    return places


def _clashes(config: PartialConfig, places: Sequence[tuple[KeyPath, ListenPlace]]) -> Iterator[Problem]:
    for number, (path, place) in enumerate(places):
        for earlier, other in places[:number]:
            if are_one_place(place, other):
                yield config.problem(f"is where listen.{earlier[0]} listens already, at {other}", "listen", *path)


def _grpc(config: PartialConfig) -> Iterator[Problem]:
    """Yield a port for Envoy without what it needs, that nobody or everybody may ask at."""
    peers = config.sections.ext_authz.peers
    if config.sections.listen.grpc is None:
        if peers:
            yield config.warning("may ask nowhere: listen.grpc is not written", "ext_authz", "peers")
        return
    if not is_grpc_installed():
        yield config.problem(f"needs packages that are not installed: {_GRPC_REMEDY}", "listen", "grpc")
    place = config.sections.listen.grpc
    if config.sections.listen.tls is not None and isinstance(place, ListenAddress) and not is_loopback(place.host):
        text = "is without TLS, which listen.tls gives to listen.public alone: credentials of callers come here"
        yield config.warning(text, "listen", "grpc")
    if not peers:
        yield config.warning("is where nobody may ask: ext_authz.peers lists nobody", "listen", "grpc")
    for position, network in enumerate(peers):
        if not isinstance(network, str) and network.prefixlen == 0:
            text = f"{network} believes everybody: any client can ask about, and as, any address and host"
            yield config.warning(text, "ext_authz", "peers", position)


def is_grpc_installed() -> bool:
    """Return whether the packages of the extra `grpc` are installed."""
    try:
        return all(find_spec(name) is not None for name in _GRPC_PACKAGES)
    except ModuleNotFoundError:  # of the package above the one that is looked for
        return False


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
