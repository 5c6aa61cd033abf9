"""By which host names the admin and health ports may be asked."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from gateway.model.errors import MalformedError
from gateway.model.host import parse_authority
from gateway.source.addresses import is_loopback


class OwnHosts:
    """Tells whether a Host field names this port and not a page's server; `hosts` are further names of it.

    A page may have its own name resolved to our address, and then reads what we answer as its own (DNS rebinding). It
    cannot do so by an address, nor by a name that no public server answers for: those of this machine (RFC 6761 section
    6.3), and those without a dot, which the machines of one network have among themselves.
    """

    def __init__(self, hosts: Collection[str] = ()) -> None:
        self._hosts = frozenset(hosts)

    def apply(self, hosts: Collection[str]) -> None:
        """Take the names of another config."""
        self._hosts = frozenset(hosts)

    def include(self, host: str) -> bool:
        """Tell whether `host` is one of ours; one that cannot be read is nobody's."""
        try:
            name = parse_authority(host, "http").name
        except MalformedError:
            return False
        return name in self._hosts or "." not in name or is_loopback(name) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
