"""Addresses, web origins and host names in a config."""

from __future__ import annotations

import re
from ipaddress import ip_address
from os.path import normpath
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field

from gateway.model.errors import MalformedError
from gateway.model.host import DEFAULT_PORTS, parse_authority
from gateway.model.route import UNIX, UpstreamAddress
from gateway.model.target import parse_target

_PORTS = 65536
_SYSTEMD = "systemd"
_SOCKET_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
_HOST = r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,253})"
_LISTEN = re.compile(rf"{_HOST}:(?P<port>\d{{1,5}})", re.ASCII)
_URL = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_HOST}(?::(?P<port>\d{{1,5}}))?(?P<path>/[^?#]*)?", re.ASCII)
_LOGIN = re.compile(r"(?:(?P<origin>https?://[^/?#\\@]+)(?=[/?]|\Z)|(?=/(?![/\\])))[!-\[\]-~]*", re.ASCII)
_NO_UPSTREAM = (
    "an upstream is a URL of scheme, host, port and base path alone: http://orders:8000/api; or unix:/run/orders.sock"
)
_LONGEST_SOCKET_PATH = 107
"""Bytes of a socket file's path (sun_path in unix(7), without its last NUL)."""
_NO_LISTEN = "an address to listen at is HOST:PORT: 0.0.0.0:8080, [::]:8080; or unix:/run/gateway.sock"


ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - what is compared, nothing listens
_SAME = ({"localhost", "127.0.0.1"}, {"localhost", "::1"})


class ListenAddress(msgspec.Struct, frozen=True):
    """An address to listen at: an IP address or a host name, and a port; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        """Format as `HOST:PORT`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class SocketFile(msgspec.Struct, frozen=True):
    """A socket file to listen at, by its whole path."""

    path: str

    def __str__(self) -> str:
        """Format as in a config."""
        return f"{UNIX}:{self.path}"


class PassedSocket(msgspec.Struct, frozen=True):
    """A socket that systemd listens at and hands over, by its name (FileDescriptorName= in systemd.socket(5))."""

    name: str

    def __str__(self) -> str:
        """Format as in a config."""
        return f"{_SYSTEMD}:{self.name}"


ListenPlace = ListenAddress | SocketFile | PassedSocket


def parse_listen(text: str) -> ListenPlace:
    """Parse `HOST:PORT`, `unix:/path` or `systemd:NAME`; raises ValueError."""
    scheme, _, path = text.partition(":")
    if scheme == UNIX:
        return SocketFile(_socket_path(path))
    if scheme == _SYSTEMD and not path.isdecimal():  # else it is the port of a host of that name
        if not _SOCKET_NAME.fullmatch(path):
            raise ValueError("a socket of systemd is named by its FileDescriptorName: systemd:public")
        return PassedSocket(path)
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) >= _PORTS:
        raise ValueError(_NO_LISTEN)
    return ListenAddress(_bare(match["host"], _NO_LISTEN), int(match["port"]))


def are_one_place(one: ListenPlace, other: ListenPlace) -> bool:
    """Tell whether no two can listen at both: `[::]` takes IPv4 too, unless `0.0.0.0` stands beside it."""
    if not (isinstance(one, ListenAddress) and isinstance(other, ListenAddress)):
        return one == other
    if one.port != other.port or not one.port:
        return False
    hosts = {one.host.lower(), other.host.lower()}
    if len(hosts) == 1 or hosts in _SAME:
        return True
    if ANY_IPV4 in hosts:
        return not any(":" in host for host in hosts)
    return ANY_IPV6 in hosts


def parse_upstream(text: str) -> UpstreamAddress:
    """Parse `http(s)://host[:port][/path]` or `unix:/path`; raises ValueError.

    A query or user information is refused and not ignored, since whoever writes one expects it to count.
    """
    scheme, _, path = text.partition(":")
    if scheme == UNIX:
        return UpstreamAddress(UNIX, _socket_path(path), 0)
    match = _URL.fullmatch(text)
    if match is None or match["scheme"] not in DEFAULT_PORTS:
        raise ValueError(_NO_UPSTREAM)
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[match["scheme"]]
    if not 0 < port < _PORTS:
        raise ValueError(_NO_UPSTREAM)
    host = _bare(match["host"], _NO_UPSTREAM).lower()
    return UpstreamAddress(match["scheme"], host, port, _base_path(match["path"] or ""))


def _base_path(path: str) -> str:
    """Check a base path, and return it without its trailing slash; it has one reading, and is sent as it stands."""
    try:
        plain = not path or str(parse_target(path, ())) == path
    except MalformedError as error:
        raise ValueError(f"no upstream has such a base path: {error}") from None
    if not plain:
        raise ValueError("no upstream has such a base path: it is not in canonical form")
    return path.removesuffix("/")


def _socket_path(path: str) -> str:
    if (
        not path.startswith("/")
        or path.startswith("//")
        or path.endswith("/")
        or "\0" in path
        or normpath(path) != path
    ):
        raise ValueError("a socket file is named by its whole path: unix:/run/orders.sock")
    if len(path.encode()) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"the path of a socket file has {_LONGEST_SOCKET_PATH} bytes at most")
    return path


def is_loopback(host: str) -> bool:
    """Tell whether `host` (without brackets) can only be this machine (RFC 6761 section 6.3 for the name)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        name = host.lower().removesuffix(".")
        return name == "localhost" or name.endswith(".localhost")


def _bare(host: str, complaint: str) -> str:
    if not host.startswith("["):
        return host
    try:
        return str(ip_address(host[1:-1]))
    except ValueError:
        raise ValueError(complaint) from None


def _listen(value: object) -> object:
    if isinstance(value, ListenPlace):
        return value
    if not isinstance(value, str):
        raise ValueError(_NO_LISTEN)  # noqa: TRY004 - pydantic makes a problem of a ValueError, and a crash of a TypeError
    return parse_listen(value)


def _own_listen(value: object) -> object:
    place = _listen(value)
    if isinstance(place, PassedSocket):  # commands would not know where that is
        raise ValueError("only listen.public may be a socket of systemd")  # noqa: TRY004 - as in `_listen`
    return place


def _upstream(value: object) -> object:
    if isinstance(value, UpstreamAddress):
        return value
    if not isinstance(value, str):
        raise ValueError(_NO_UPSTREAM)  # noqa: TRY004 - pydantic makes a problem of a ValueError, a crash of a TypeError
    return parse_upstream(value)


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Listen = Annotated[ListenAddress | SocketFile, BeforeValidator(_own_listen)]
"""In a config `HOST:PORT` or `unix:/path`."""

ListenList = Annotated[
    tuple[Annotated[ListenPlace, BeforeValidator(_listen)], ...], BeforeValidator(_as_list), Field(min_length=1)
]
"""One place to listen at or a list of them: `HOST:PORT`, `unix:/path`, `systemd:NAME`."""

UpstreamSetting = Annotated[UpstreamAddress, BeforeValidator(_upstream)]
"""In a config a URL of scheme, host, port and base path."""

UpstreamList = Annotated[tuple[UpstreamSetting, ...], BeforeValidator(_as_list)]
"""One upstream or a list of them."""


def _origin(value: str) -> str:
    """Check an origin, and return it as browsers spell it: lower case, without the scheme's default port."""
    scheme, mark, authority = value.partition("://")
    try:
        host = parse_authority(authority, scheme) if mark and scheme in DEFAULT_PORTS else None
    except MalformedError:
        host = None
    if host is None:
        raise ValueError("an origin is scheme, host and port alone: https://app.example.com")
    port = "" if host.port == DEFAULT_PORTS[scheme] else f":{host.port}"
    return f"{scheme}://{host.name}{port}"


def host_name(value: str) -> str:
    """Return a host name as hosts are matched: lower case, without a trailing dot; raises ValueError."""
    try:
        host = parse_authority(value, "http")
    except MalformedError:
        raise ValueError("a host is a name: api.example.com") from None
    if host.name != value.lower().removesuffix("."):
        raise ValueError("a host is matched without its port: leave the port out")
    return host.name


_NO_LOGIN = "a login is the URL of a page, or a path of ours: https://login.example.com/?next={url}"


def _login_url(value: str) -> str:
    """Check a login's URL; raises ValueError. In its query alone an address cannot change where it leads."""
    match = _LOGIN.fullmatch(value)
    if match is None:
        raise ValueError(_NO_LOGIN)
    if match["origin"]:
        _origin(match["origin"])
    before, _, behind = value.partition("?")
    if "{" in before or "{" in behind.replace("{url}", "") or "}" in behind.replace("{url}", ""):
        raise ValueError("{url} alone stands for something, behind the question mark: ?next={url}")
    return value


LoginUrl = Annotated[str, AfterValidator(_login_url)]
"""The address of a login, with `{url}` in its query for that of the page that was opened."""

Origin = Annotated[str, AfterValidator(_origin)]
"""A web origin (RFC 6454 section 6.2). `*` is not one: answers that depend on a credential are not for everybody."""

HostName = Annotated[str, AfterValidator(host_name)]
"""A host name without a port."""
