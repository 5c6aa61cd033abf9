from gateway.model.headers import Headers
from gateway.sign_in.flow import Flow, FlowCookies
from tests.support.servers.issuer import Clock


def cookie(cookies: FlowCookies, flow: Flow, shown: bytes = b"") -> list[bytes]:
    headers = Headers([(b"Cookie", shown)] if shown else [])
    return [value for _, value in cookies.fields(flow, headers)]


def shown(*fields: bytes) -> Headers:
    return Headers([(b"Cookie", b"; ".join(field.partition(b";")[0] for field in fields))])


def test_a_flow_comes_back_from_the_browser_that_began_it_alone() -> None:
    cookies = FlowCookies([b"secret"], Clock(1000.0))
    flow = cookies.begin("company", "/a?b=1")
    (field,) = cookie(cookies, flow)
    assert cookies.find(flow.state, shown(field)) == flow
    assert cookies.find(flow.state, Headers([])) is None
    assert cookies.find("another", shown(field)) is None
    assert cookies.find(flow.state, shown(field, field)) is None
    assert flow.state.encode() not in field
    assert b"company" not in field


def test_a_flow_has_its_time() -> None:
    clock = Clock(1000.0)
    cookies = FlowCookies([b"secret"], clock, lasts=600.0)
    flow = cookies.begin("company", "/")
    (field,) = cookie(cookies, flow)
    for now, good in ((1600.0, True), (1601.0, False), (939.0, False), (941.0, True)):
        clock.now = now
        assert (cookies.find(flow.state, shown(field)) is not None) is good


def test_secrets_rotate() -> None:
    clock = Clock(1000.0)
    old = FlowCookies([b"old"], clock)
    flow = old.begin("company", "/")
    (field,) = cookie(old, flow)
    assert FlowCookies([b"new", b"old"], clock).find(flow.state, shown(field)) == flow
    assert FlowCookies([b"new"], clock).find(flow.state, shown(field)) is None


def test_a_cookie_of_one_flow_is_not_anothers() -> None:
    cookies = FlowCookies([b"secret"], Clock(1000.0))
    first, second = cookies.begin("company", "/"), cookies.begin("company", "/")
    (one,), (two,) = cookie(cookies, first), cookie(cookies, second)
    swapped = one.partition(b"=")[0] + b"=" + two.partition(b"=")[2]
    assert cookies.find(first.state, shown(swapped)) is None


def test_the_challenge_is_that_of_the_standards_example() -> None:
    """RFC 7636 appendix B."""
    flow = Flow("", "", "", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "", 0.0)
    assert flow.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_targets_link_is_ours_alone() -> None:
    cookies = FlowCookies([b"secret"], Clock(0.0))
    sealed = cookies.seal_target("/a?b=1")
    assert cookies.open_target(sealed) == "/a?b=1"
    for forged in ("", "x", sealed[:-2], sealed + "AA", "\u0440", "=" * 9):
        assert cookies.open_target(forged) is None
