"""What a proxy writes before a connection's own bytes, to tell whom it is for: the PROXY protocol, versions 1 and 2.

The rules are those of https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt; its sections stand beside them.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import msgspec

from gateway.model.client_address import UNKNOWN_CLIENT
from gateway.model.errors import GatewayError

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_BEGIN = b"PROXY "
_FIXED = 16  # bytes of version 2 before its addresses: signature, command, family, length
_LONGEST_LINE = 107
"""Bytes of a line of version 1, its end included (section 2.1)."""

_PORT = rb"(0|[1-9][0-9]{0,4})"
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) %b %b)\r\n" % (_PORT, _PORT)
)
_PORTS = 65536
_LOCAL, _PROXIED = 0x20, 0x21
_IPV4, _IPV6 = 0x11, 0x21
_LEAST = {0x00: 0, _IPV4: 12, 0x12: 12, _IPV6: 36, 0x22: 36, 0x31: 216, 0x32: 216}
"""Bytes of the addresses of each family and transport; no other may be sent (section 2.2)."""


class ProxyHeaderError(GatewayError):
    """There is no header, or it cannot be read; the text says why, in our own words."""


class ProxyHeader(msgspec.Struct, frozen=True):
    """Whom a connection is for: an address, or `unknown`; None where it is the proxy's own, as its checks are."""

    peer: str | None


class ProxyHeaderReader:
    """Reads one header out of bytes that come in any pieces; it has `most` bytes at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = bytearray()
        self.header: ProxyHeader | None = None

    @property
    def begun(self) -> bool:
        """Tell whether a byte of it has come."""
        return bool(self._data)

    def feed(self, data: bytes) -> int:
        """Return how many bytes of `data` are the header's; `header` is there once it is whole.

        What follows the header is never taken. Raises ProxyHeaderError as soon as it is certain that this is none.
        """
        before = len(self._data)
        self._data += data
        if self._data.startswith(_SIGNATURE[: len(self._data)]):
            end = self._end_of_block()
        elif self._data.startswith(_BEGIN[: len(self._data)]):
            end = self._end_of_line()
        else:
            raise ProxyHeaderError("there is no PROXY header")
        if end is None:
            return len(data)
        whole = bytes(self._data[:end])
        self.header = _read_block(whole) if whole.startswith(_SIGNATURE) else _read_line(whole)
        return end - before

    def _end_of_line(self) -> int | None:
        end = self._data.find(b"\n", 0, _LONGEST_LINE) + 1
        if not end and len(self._data) >= _LONGEST_LINE:
            raise ProxyHeaderError("the line of a PROXY header is longer than 107 bytes")
        return end or None

    def _end_of_block(self) -> int | None:
        if len(self._data) < _FIXED:
            return None
        end = _FIXED + int.from_bytes(self._data[_FIXED - 2 : _FIXED], "big")
        if end > self._most:
            raise ProxyHeaderError("the PROXY header is longer than limits.head_bytes")
        return end if len(self._data) >= end else None


def _read_line(line: bytes) -> ProxyHeader:
    """Read version 1 (section 2.1). What UNKNOWN is followed by says nothing."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ProxyHeaderError("the line of a PROXY header cannot be read")
    family, source, destination, *ports = match.groups()
    if family is None:
        return ProxyHeader(UNKNOWN_CLIENT)
    kind = IPv4Address if family == b"4" else IPv6Address
    try:
        peer, _ = kind(source.decode("ascii")), kind(destination.decode("ascii"))
    except AddressValueError:
        raise ProxyHeaderError("an address of a PROXY header is none of its family") from None
    if any(int(port) >= _PORTS for port in ports):
        raise ProxyHeaderError("a port of a PROXY header is out of range")
    return ProxyHeader(_name(peer))


def _read_block(block: bytes) -> ProxyHeader:
    """Read version 2 (section 2.2); what stands behind the addresses (TLVs) is skipped."""
    command, family, rest = block[12], block[13], block[_FIXED:]
    if command not in {_LOCAL, _PROXIED}:
        raise ProxyHeaderError("the PROXY header has an unknown version or command")
    if command == _LOCAL:
        return ProxyHeader(None)
    least = _LEAST.get(family)
    if least is None:
        raise ProxyHeaderError("the PROXY header has an unknown family or transport")
    if len(rest) < least:
        raise ProxyHeaderError("the PROXY header is too short for its addresses")
    if family == _IPV4:
        return ProxyHeader(_name(IPv4Address(rest[:4])))
    if family == _IPV6:
        return ProxyHeader(_name(IPv6Address(rest[:16])))
    return ProxyHeader(UNKNOWN_CLIENT)


def _name(address: IPv4Address | IPv6Address) -> str:
    """Return an address as peers are named: one of IPv4 within IPv6 is itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
