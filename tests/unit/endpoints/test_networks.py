from ipaddress import ip_network

import pytest

from gateway.endpoints.networks import Networks, parse_address


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("[2001:db8::1]", True),
        ("2001:db9::1", False),
        ("unix", False),
        ("", False),
        (":::", False),
        ("10.1.2.3, 10.1.2.4", False),
    ],
)
def test_an_address_is_listed_by_its_number_however_it_is_written(address: str, listed: bool) -> None:
    networks = Networks([ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")])
    assert networks.include(address) is listed
    assert networks.include(address) is listed  # and the same when it is remembered


def test_a_socket_file_is_listed_by_its_word_alone() -> None:
    networks = Networks([ip_network("10.0.0.0/8"), "unix"])
    assert networks.include("unix")
    assert networks.include("10.0.0.1")
    assert not networks.include("unknown")
    assert not Networks([ip_network("0.0.0.0/0"), ip_network("::/0")]).include("unix")


def test_nobody_is_listed_by_default() -> None:
    assert not Networks(()).include("127.0.0.1")


def test_what_is_no_address_is_none() -> None:
    assert parse_address("a") is None
    assert str(parse_address("::ffff:192.0.2.1")) == "192.0.2.1"
