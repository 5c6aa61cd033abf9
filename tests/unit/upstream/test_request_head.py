from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.headers import spelling
from gateway.model.route import Match, Route, UpstreamAddress
from gateway.model.target import Target
from gateway.upstream.request_head import RequestHeads, Stripped, target_of
from tests.support.builders.carriages import downstream_request, forward_context, request_body
from tests.support.fakes.fake_transport import FakeClient

UPSTREAM = UpstreamAddress("http", "orders", 8000)
STRIPPED = Stripped(frozenset({b"x-user-id"}), frozenset({b"x-api-key"}), frozenset({b"__session"}))


def test_a_head_is_what_was_judged_and_what_the_gateway_says() -> None:
    fields = (
        (b"Accept", b"*/*"),
        (b"x_user_id", b"evil"),
        (b"X-Api-Key", b"k"),
        (b"Connection", b"x-a"),
        (b"X-A", b"1"),
    )
    job = forward_context(fields=fields, target="/orders/1?q", added=b"X-Forwarded-For: a\r\n", strip_prefix="/orders")
    job.record.traceparent = b"00-trace"
    heads = RequestHeads(STRIPPED, via=b"gw")
    assert heads.compose(job, UPSTREAM) == (
        b"GET /1?q HTTP/1.1\r\nHost: gateway.test\r\nAccept: */*\r\nX-Forwarded-For: a\r\n"
        b"X-Forwarded-Prefix: /orders\r\nVia: 1.1 gw\r\n"
        b"X-Request-Id: req-1\r\ntraceparent: 00-trace\r\n\r\n"
    )
    job.record.request_id = "req-2"
    assert b"X-Request-Id: req-2\r\n" in heads.compose(job, UPSTREAM)
    other = UpstreamAddress("http", "others", 80)
    assert b"GET /1?q HTTP/1.1\r\nHost: gateway.test\r\n" in heads.compose(job, other)


def test_an_upgrade_is_said_again() -> None:
    fields = ((b"Connection", b"upgrade"), (b"Upgrade", b"WebSocket"), (b"Sec-WebSocket-Key", b"k"))
    assert (
        RequestHeads(Stripped())
        .compose(forward_context(downstream_request(upgrade=True), fields), UPSTREAM)
        .endswith(b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    )


def test_what_never_goes_on_is_told_of_a_name_alone() -> None:
    heads = RequestHeads(STRIPPED)
    for name in (b"X-User-Id", b"x_user_id", b"Script-Name", b"Proxy", b"X_Api_Key", b"Content_Length", b"Upgrade"):
        assert heads.drops(name)
        assert heads.drops(name), "remembered"
    for name in (b"X-Api-Key", b"Cookie", b"Content-Length", b"Accept"):
        assert not heads.drops(name)


@pytest.mark.parametrize(
    ("upstream", "host"),
    [
        (UpstreamAddress("http", "orders", 80), b"orders"),
        (UpstreamAddress("https", "orders", 443), b"orders"),
        (UpstreamAddress("https", "orders", 80), b"orders:80"),
        (UpstreamAddress("http", "::1", 8000), b"[::1]:8000"),
    ],
)
def test_a_rewritten_host_is_the_upstreams(upstream: UpstreamAddress, host: bytes) -> None:
    head = RequestHeads(Stripped()).compose(forward_context(preserve_host=False), upstream)
    assert head.split(b"\r\n")[1] == b"Host: " + host


def test_a_request_of_another_method_keeps_it() -> None:
    head = RequestHeads(Stripped()).compose(forward_context(downstream_request("DELETE")), UPSTREAM)
    assert head.startswith(b"DELETE / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("chunked", "framing"), [(True, b"Transfer-Encoding: chunked\r\n\r\n"), (False, b"Content-Length: 3\r\n\r\n")]
)
def test_a_body_is_announced_as_it_is_sent(chunked: bool, framing: bytes) -> None:
    client = FakeClient()
    request = downstream_request("POST", body=request_body(client, chunked=chunked), connection=client)
    fields = ((b"Transfer-Encoding", b"chunked"),) if chunked else ((b"Content-Length", b"3"),)
    head = RequestHeads(Stripped()).compose(forward_context(request, fields), UPSTREAM)
    assert all(b"\r\n" + line in head for line in framing.split(b"\r\n")[:1])
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1


NAMES = st.text("xX-_.uUsSeErRiIdD", min_size=1, max_size=12).map(lambda text: text.encode())


@given(fields=st.lists(st.tuples(NAMES, st.just(b"evil")), max_size=6))
def test_no_spelling_reaches_the_upstream(fields: list[tuple[bytes, bytes]]) -> None:
    heads = RequestHeads(Stripped(identity=frozenset({b"x-user-id"})))
    out: list[bytes] = []
    for name, value in [*fields, (b"x_USER.id", b"evil")]:
        if heads._fate(name) == 0:
            out += (name, value)
    assert b"x-user-id" not in {spelling(name) for name in out}


@pytest.mark.parametrize(
    ("prefix", "path", "sent"),
    [("", "/a", "/a"), ("/a", "/a/b", "/b"), ("/a", "/a", "/"), ("/a", "/ab", "/ab"), ("/a", "/b/a", "/b/a")],
)
def test_a_prefix_is_cut_at_a_segment(prefix: str, path: str, sent: str) -> None:
    route = Route(name="r", match=Match("/"), strip_prefix=prefix)
    assert target_of(route, UPSTREAM, Target(path, path)) == sent
    assert target_of(route, UPSTREAM, Target(path, path, "")) == f"{sent}?"
    beneath = UpstreamAddress("http", "orders", 8000, "/app")
    assert target_of(route, beneath, Target(path, path, "x=/y")) == f"/app{sent}?x=/y"
