"""How a peer is named, and whose a client address is: what is bounded by address counts one client once."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

SOCKET_FILE = "unix"
"""The peer at a socket file, which is whoever may open that."""

UNKNOWN_CLIENT = "unknown"
"""The peer of whom a proxy says that it cannot name it (RFC 7239 section 6.2); trusted in nothing."""

_MAPPED = "::ffff:"  # as inet_ntop(3) writes an IPv4 address in IPv6 (RFC 4291 section 2.5.5.2)
_SITE_BITS = 64
_LEAST_IPV4 = 1 << 24  # 0.0.0.0/8 is no client's (RFC 6890), and ::1 is no IPv4 address
_IPV4_BITS = 32
_IPV4 = (1 << _IPV4_BITS) - 1
_EMBEDDING = frozenset(
    int(IPv6Address(prefix)) >> _IPV4_BITS
    for prefix in (
        "::ffff:0:0",  # IPv4-mapped (RFC 4291 section 2.5.5.2): a socket that takes both
        "::ffff:0:0:0",  # IPv4-translated (RFC 2765): SIIT
        "64:ff9b::",  # the well-known prefix of NAT64 (RFC 6052)
        "::",  # IPv4-compatible (RFC 4291 section 2.5.5.1), out of use
    )
)
"""The first 96 bits of addresses that end in an IPv4 one."""

_LOCAL_NAT64 = int(IPv6Address("64:ff9b:1::")) >> 80  # a /48 (RFC 8215); a translator has some /96 of it


def peer_name(address: object) -> str:
    """Return the name of a socket's peer: its address, or `unix`; an IPv4 address within IPv6 is itself.

    A socket that takes both kinds of address tells of `::ffff:10.0.0.1`, which is no other peer than 10.0.0.1.
    """
    if not isinstance(address, tuple):
        return SOCKET_FILE
    host = str(address[0])
    return host.removeprefix(_MAPPED) if "." in host else host


@lru_cache(maxsize=4096)
def bucket_of_address(address: str) -> str:
    """Return the bucket of an address: an IPv4 address, or the /64 network of an IPv6 one.

    Whoever has one IPv6 address has 2^64 of them (RFC 6177), each with a full bucket. An IPv4 address inside of an
    IPv6 one is the client itself: by their /64 all callers behind a translator would share one bucket, and who is
    reached by both kinds of address would have two. What is no address (a socket file's peer) is a bucket by itself.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    inside = ipv4_inside(parsed)
    if inside is not None:
        return str(inside)
    return f"{IPv6Address(int(parsed) >> _SITE_BITS << _SITE_BITS)}/{_SITE_BITS}"


def ipv4_inside(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a translator or a tunnel wrote into `address`, if one did.

    Of 6to4 (RFC 3056) it is the site's router, of Teredo (RFC 4380) the client's own NAT: either may be reached by
    2^64 addresses and more.
    """
    number = int(address)
    last = number & _IPV4
    if last >= _LEAST_IPV4 and (number >> _IPV4_BITS in _EMBEDDING or _is_local_nat64(number)):
        return IPv4Address(last)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else None


def _is_local_nat64(number: int) -> bool:
    """Tell whether these are the /96 of a translator in the local prefix, whose other layouts have no such zeros."""
    return number >> 80 == _LOCAL_NAT64 and not number >> _IPV4_BITS & _IPV4
