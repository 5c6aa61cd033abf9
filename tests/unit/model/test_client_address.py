from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.client_address import bucket_of_address, ipv4_inside


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("::", "::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_an_ipv6_caller_is_its_network(address: str, key: str) -> None:
    assert bucket_of_address(address) == key


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:192.0.2.1",
        "::FFFF:c000:201",
        "::ffff:0:192.0.2.1",
        "64:ff9b::192.0.2.1",
        "64:ff9b::c000:201%eth0",
        "64:ff9b:1::192.0.2.1",
        "64:ff9b:1:abcd::192.0.2.1",
        "::192.0.2.1",
        "2002:c000:201::1",
        "2002:c000:201:ffff:1:2:3:4",
        "2001:0:4136:e378:8000:63bf:3fff:fdfe",
    ],
)
def test_an_ipv4_caller_behind_a_translator_or_a_tunnel_is_its_ipv4_address(address: str) -> None:
    assert bucket_of_address(address) == "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("64:ff9b:1:c000:2:100::", "64:ff9b:1:c000::/64"),
        ("64:ff9b:2::192.0.2.1", "64:ff9b:2::/64"),
        ("64:ff9b::1:192.0.2.1", "64:ff9b::/64"),
        ("2001:db8::192.0.2.1", "2001:db8::/64"),
        ("::ffff:0.0.0.1", "::/64"),
    ],
)
def test_what_only_looks_like_an_ipv4_address_is_none(address: str, key: str) -> None:
    assert bucket_of_address(address) == key


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1))
def test_two_callers_behind_one_translator_are_two(last: int, subnet: int, host: int) -> None:
    if last >= 2**24:
        address = IPv6Address(int(IPv6Address("64:ff9b::")) + last)
        inside = ipv4_inside(address)
        assert inside is not None
        assert int(inside) == last
    assert ipv4_inside(IPv6Address((0x20010DB8 << 96) + (subnet << 64) + host)) is None
