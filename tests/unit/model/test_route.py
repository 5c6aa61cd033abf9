from gateway.model.route import Access, Match, Route, UpstreamAddress


def test_a_route_that_says_nothing_requires_a_session() -> None:
    route = Route(name="a", match=Match("/"))
    assert route.access is Access.REQUIRED
    assert not route.forward_credentials
    assert not route.path_parameters


def test_an_upstream_is_written_as_a_url() -> None:
    assert str(UpstreamAddress("http", "orders", 8000)) == "http://orders:8000"
    assert str(UpstreamAddress("https", "::1", 1)) == "https://[::1]:1"
