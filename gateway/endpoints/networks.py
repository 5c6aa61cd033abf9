"""Whether a peer is in a list of CIDR blocks, or at a socket file that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpNetwork = IPv4Network | IPv6Network

_CACHED_ADDRESSES = 4096
"""Far more than there are proxies; and nobody can choose a socket's address at will."""

_HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([0-9.]+):([0-9]{1,5})", re.ASCII)
_LAST_PORT = 65535


class Networks:
    """A list of CIDR blocks, and the word `unix`; an empty one includes nobody.

    `include` tells whether an address is in one of them; what is no address is included by its word alone.
    """

    def __init__(self, peers: Sequence[IpNetwork | str]) -> None:
        self._networks = tuple(peer for peer in peers if not isinstance(peer, str))
        self._words = frozenset(peer for peer in peers if isinstance(peer, str))
        self.include: Callable[[str], bool] = lru_cache(maxsize=_CACHED_ADDRESSES)(self._is_within)

    def _is_within(self, text: str) -> bool:
        if text in self._words:
            return True
        address = parse_address(text) if self._networks else None
        return address is not None and any(address in network for network in self._networks)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address, also in brackets; an IPv4 address inside IPv6 (RFC 4291 section 2.5.5.2) as IPv4."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def parse_hop(text: str) -> IPv4Address | IPv6Address | None:
    """Return one address of a chain, without the port that some balancers write behind it; None for anything else."""
    spelled = _HOP.fullmatch(text)
    if spelled is not None and int(spelled[2] or spelled[4] or 0) <= _LAST_PORT:
        text = spelled[1] or spelled[3]
    # A zone (RFC 4007 section 11) has a meaning on the proxy's own link alone; here it would be free text.
    return None if "%" in text or "[" in text or "]" in text else parse_address(text)
