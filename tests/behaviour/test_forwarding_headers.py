"""Header fields both ways, through real sockets."""

from __future__ import annotations

import pytest

from gateway.model.decision import AccessRequest, Decision
from gateway.model.route import Route, UpstreamAddress
from gateway.upstream.request_head import Stripped
from tests.support.clients.raw_http import exchange
from tests.support.gateways.carrying import carrying, route_to
from tests.support.servers.recording_upstream import RecordedRequest, recording_upstream

STRIPPED = Stripped(
    identity=frozenset({b"x-user-id", b"x-session-id"}),
    credentials=frozenset({b"x-api-key", b"authorization"}),
    cookies=frozenset({b"__session"}),
)


def told(access: AccessRequest, route: Route) -> Decision:
    return Decision(access=access, route=route, identity=((b"X-User-Id", b"usr_1"),))


async def carry(fields: bytes, **route: object) -> RecordedRequest:
    """Send a request with these fields and return what the upstream got."""
    async with (
        recording_upstream() as upstream,
        carrying(
            route_to(upstream.port, **route),
            stripped=STRIPPED,
            decide=told,
            added=((b"X-Forwarded-For", b"127.0.0.1"),),
        ) as front,
    ):
        found = await exchange(front.port, b"GET /orders/1 HTTP/1.1\r\nHost: api.example.com\r\n" + fields + b"\r\n")
        assert found.status == 200
        return upstream.requests[0]


async def test_order_case_duplicates_and_bytes_are_kept() -> None:
    fields = b"X-Zeta: 1\r\naCCept: */*\r\nX-a: first\r\nX-A: second\r\nX-Bytes: caf\xe9 \xff\r\nX-Empty: \r\n"
    request = await carry(fields)
    assert request.headers[:7] == (
        (b"Host", b"api.example.com"),
        (b"X-Zeta", b"1"),
        (b"aCCept", b"*/*"),
        (b"X-a", b"first"),
        (b"X-A", b"second"),
        (b"X-Bytes", b"caf\xe9 \xff"),
        (b"X-Empty", b""),
    )


@pytest.mark.parametrize(
    "name", [b"X-User-Id", b"x-user-id", b"X_User_Id", b"x.user.id", b"X-USER_id", b"X-Session-ID"]
)
async def test_no_spelling_of_an_identity_field_survives(name: bytes) -> None:
    request = await carry(name + b": evil\r\n")
    assert b"evil" not in request.raw
    assert request.all(b"x-user-id") == [b"usr_1"]


async def test_identity_spellings_are_dropped_also_where_credentials_are_forwarded() -> None:
    request = await carry(b"X_User_Id: evil\r\nX-Api-Key: mine\r\nCookie: __session=s\r\n", forward_credentials=True)
    assert b"evil" not in request.raw
    assert request.one(b"x-api-key") == b"mine"
    assert request.one(b"cookie") == b"__session=s"


async def test_where_credentials_are_forwarded_it_is_the_one_spelling_that_was_judged() -> None:
    fields = b"X_Api_Key: evil\r\nX-Api-Key: mine\r\nCookie: a=1; __session=s; __Session=evil; b=2, __session=evil\r\n"
    request = await carry(fields, forward_credentials=True)
    assert b"evil" not in request.raw
    assert request.one(b"x-api-key") == b"mine"
    assert request.one(b"cookie") == b"a=1; __session=s"


@pytest.mark.parametrize(
    "name",
    [
        b"X-Forwarded-For", b"x_forwarded_for", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-User",
        b"Forwarded", b"X-Real-IP", b"X-Original-URL", b"X-Original-Uri", b"X-Rewrite-URL", b"X-Envoy-External-Address",
        b"True-Client-IP", b"X-Request-Id", b"traceparent", b"Proxy",
    ],
)  # fmt: skip
async def test_what_only_a_proxy_may_say_is_dropped(name: bytes) -> None:
    request = await carry(name + b": 6.6.6.6\r\n")
    assert b"6.6.6.6" not in request.raw
    assert request.all(b"x-forwarded-for") == [b"127.0.0.1"]


@pytest.mark.parametrize("name", [b"X-Api-Key", b"X_API_KEY", b"Authorization"])
async def test_credentials_are_dropped(name: bytes) -> None:
    assert b"s3cret" not in (await carry(name + b": s3cret\r\n")).raw


async def test_a_connection_field_cannot_delete_what_the_gateway_says() -> None:
    request = await carry(b"Connection: close, X-User-Id, X-Forwarded-For, X-Mine\r\nX-Mine: 1\r\n")
    assert request.one(b"x-user-id") == b"usr_1"
    assert request.one(b"x-forwarded-for") == b"127.0.0.1"
    assert not request.all(b"x-mine")
    assert not request.all(b"connection")


async def test_a_connection_field_cannot_delete_the_framing() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        await exchange(
            front.port,
            b"POST / HTTP/1.1\r\nHost: h\r\nConnection: content-length, host\r\nContent-Length: 3\r\n\r\nabc",
        )
        assert upstream.requests[0].body == b"abc"
        assert upstream.requests[0].one(b"host") == b"h"


async def test_hop_by_hop_fields_stay_on_their_hop() -> None:
    request = await carry(
        b"TE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: x\r\n"
        b"Upgrade: h2c\r\nTrailer: X\r\nX-Kept: 1\r\n"
    )
    assert [name for name, _ in request.headers] == [
        b"Host",
        b"X-Kept",
        b"X-Forwarded-For",
        b"X-Request-Id",
        b"traceparent",
        b"X-User-Id",
    ]


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        (b"a=1; __session=s; b=2", [b"a=1; b=2"]),
        (b"__session=s", []),
        (b"__session=s; a=1", [b"a=1"]),
        (b'a=1;  b="x y";c', [b'a=1;  b="x y";c']),
        (b"a=1; __sessions=kept", [b"a=1; __sessions=kept"]),
        (b"__session=1; __session=2;a=\xff", [b"a=\xff"]),
        (b"a=1, x__session=2; b=__session=3", [b"a=1, x__session=2; b=__session=3"]),
        (b'a={"__session":"1"}; b="x, y";c=%5B1%5D', [b'a={"__session":"1"}; b="x, y";c=%5B1%5D']),
        (
            b"next=/a?__session=1&b=%2C__session%3D2; __session2=3",
            [b"next=/a?__session=1&b=%2C__session%3D2; __session2=3"],
        ),
        (b"a=1; \xc2\xa0__session=s; b=2", [b"a=1; b=2"]),
        (b"a=1,__session=s; b=2", [b"b=2"]),
    ],
)
async def test_our_cookie_is_cut_out_of_the_others(cookie: bytes, kept: list[bytes]) -> None:
    assert (await carry(b"Cookie: " + cookie + b"\r\n")).all(b"cookie") == kept


@pytest.mark.parametrize(
    ("prefix", "target", "sent"),
    [
        ("/orders", b"/orders/1?x=/orders", b"/1?x=/orders"),
        ("/orders", b"/orders", b"/"),
        ("/orders", b"/orders?x", b"/?x"),
        ("/orders", b"/orders/", b"/"),
        ("/orders", b"/ordersmore", b"/ordersmore"),
        ("", b"/a%2Fb/%7Eme?q=%2e", b"/a%2Fb/~me?q=%2e"),
    ],
)
async def test_the_target_is_sent_canonical_and_without_the_routes_prefix(
    prefix: str, target: bytes, sent: bytes
) -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port, strip_prefix=prefix)) as front:
        await exchange(front.port, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
        assert upstream.requests[0].target == sent


async def test_the_host_is_preserved_or_rewritten() -> None:
    assert (await carry(b"")).all(b"host") == [b"api.example.com"]
    async with recording_upstream() as upstream:
        address = (UpstreamAddress("http", "localhost", upstream.port),)
        async with carrying(route_to(upstream=address, preserve_host=False)) as front:
            await exchange(front.port, b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
        assert upstream.requests[0].all(b"host") == [b"localhost:%d" % upstream.port]


async def test_the_answers_fields_come_back_as_they_were_and_nothing_is_added() -> None:
    async with recording_upstream() as upstream, carrying(route_to(upstream.port)) as front:
        upstream.answer = (
            b"HTTP/1.1 299 Odd  Reason\r\nSet-Cookie: a=1\r\nX-B: \xff\r\nset-cookie: b=2\r\nKeep-Alive: timeout=5\r\n"
            b"Connection: x-hop\r\nX-Hop: 1\r\nTrailer: X\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nok"
        )
        found = await exchange(front.port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (found.status, found.reason) == (299, b"Odd  Reason")
        assert found.headers == (
            (b"Set-Cookie", b"a=1"),
            (b"X-B", b"\xff"),
            (b"set-cookie", b"b=2"),
            (b"Content-Length", b"2"),
        )


async def test_what_was_decided_for_the_caller_is_added_to_the_answer() -> None:
    def renewing(access: AccessRequest, route: Route) -> Decision:
        return Decision(access=access, route=route, caller_headers=((b"Set-Cookie", b"__session=new"),))

    async with recording_upstream() as upstream, carrying(route_to(upstream.port), decide=renewing) as front:
        upstream.answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: theirs=1\r\nContent-Length: 0\r\n\r\n"
        found = await exchange(front.port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert found.all(b"set-cookie") == [b"theirs=1", b"__session=new"]
