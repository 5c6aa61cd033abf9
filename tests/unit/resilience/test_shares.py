from gateway.resilience.shares import Shares


def test_each_address_has_its_own_count() -> None:
    shares = Shares()
    assert [shares.enter("192.0.2.1"), shares.enter("192.0.2.2"), shares.enter("192.0.2.1")] == [1, 1, 2]
    shares.leave("192.0.2.1")
    assert (shares.count("192.0.2.1"), shares.count("192.0.2.2"), shares.count("192.0.2.3")) == (1, 1, 0)
    shares.leave("192.0.2.1")
    assert shares.count("192.0.2.1") == 0


def test_a_network_of_ipv6_is_one_client() -> None:
    shares = Shares()
    assert [shares.enter("2001:db8::1"), shares.enter("2001:db8::2"), shares.enter("::ffff:192.0.2.1")] == [1, 2, 1]
    assert shares.count("192.0.2.1") == 1
