"""The spans of requests, from outside: who hangs under whom, what they tell, and what they never tell."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from gateway.http1.frames import close_frame
from tests.support.builders.forward_auth import Asked, endpoints
from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, READERS, Examples, Gateway
from tests.support.gateways.spans import (
    CALLER,
    CALLERS_SPAN,
    CALLERS_TRACE,
    began,
    context,
    ended,
    told,
    traced,
    traceparent,
)
from tests.support.servers.recording_upstream import OK, Conversation, UpstreamSide

KEY = f"X-Api-Key: {PROJECT_KEY}".encode()
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def head(path: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((b"GET " + path + b" HTTP/1.1", b"Host: app.test", *fields, b"\r\n"))


async def ask(gateway: Gateway, path: bytes, *fields: bytes) -> RawResponse:
    return await exchange(gateway.port, head(path, *fields))


async def test_the_spans_of_a_request_hang_under_its_callers_and_its_upstream_under_ours(
    examples: Examples, tmp_path: Path
) -> None:
    async with traced(examples, tmp_path) as running:
        assert (await ask(running.gateway, b"/echo/a", KEY, b"traceparent: " + CALLER)).status == 200
    (request,) = running.requests()
    assert request.parent is not None
    assert (request.parent.trace_id, request.parent.span_id) == (CALLERS_TRACE, CALLERS_SPAN)
    assert request.parent.is_remote
    resolve, upstream = running.beneath(request)
    (authority,) = running.beneath(resolve)
    assert [(span.name, span.kind) for span in (request, resolve, authority, upstream)] == [
        ("GET /echo/", SpanKind.SERVER),
        ("resolve", SpanKind.INTERNAL),
        ("authority accounts", SpanKind.CLIENT),
        ("GET", SpanKind.CLIENT),
    ]
    assert len(running.spans) == len({context(span).span_id for span in running.spans}) == 4
    assert {context(span).trace_id for span in running.spans} == {CALLERS_TRACE}
    assert running.upstream.requests[0].all(b"traceparent") == [traceparent(upstream)]
    for inner, outer in ((resolve, request), (authority, resolve), (upstream, request)):
        assert began(outer) <= began(inner) <= ended(inner) <= ended(outer)


async def test_spans_tell_what_the_conventions_for_http_ask(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path) as running:
        await ask(running.gateway, b"/echo/a?q=1", KEY)
    (request,) = running.requests()
    (resolve, upstream), port = running.beneath(request), running.upstream.port
    said = told(request)
    assert said.pop("gateway.request_id").encode() == running.upstream.requests[0].one(b"X-Request-Id")
    assert said == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/echo/",
        "url.path": "/echo/a",
        "url.scheme": "http",
        "server.address": "app.test",
        "server.port": 80,
        "client.address": "127.0.0.1",
        "gateway.endpoint": "proxy",
        "gateway.route": "echo",
        "gateway.rule": "access",
        "gateway.decision": "allowed",
    }
    assert told(resolve) == {
        "gateway.tier": "authority",
        "gateway.answer": "found",
        "gateway.authority": "accounts",
        "gateway.credential": "api_key",
        "gateway.reader": "project_key",
    }
    assert told(running.one(resolve, "authority accounts")) == {
        "gateway.authority": "accounts",
        "gateway.authority.kind": "directory",
        "gateway.answer": "found",
    }
    assert told(upstream) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.full": f"http://127.0.0.1:{port}/echo/a",
        "server.address": "127.0.0.1",
        "server.port": port,
        "network.protocol.version": "1.1",
    }
    (first_byte,) = upstream.events
    assert began(upstream) <= first_byte.timestamp <= ended(upstream)
    assert {span.status.status_code for span in running.spans} == {StatusCode.UNSET}


async def test_a_trace_that_nobody_began_begins_here(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path) as running:
        await ask(running.gateway, b"/public/", b"traceparent: broken", b"tracestate: a=1")
    request, upstream = running.spans
    assert request.parent is None
    assert running.upstream.requests[0].all(b"traceparent") == [traceparent(upstream)]
    assert running.upstream.requests[0].all(b"tracestate") == []


async def test_what_the_caller_does_not_sample_is_passed_on_and_leaves_nothing(
    examples: Examples, tmp_path: Path
) -> None:
    unsampled = CALLER[:-2] + b"00"
    async with traced(examples, tmp_path) as running:
        assert (await ask(running.gateway, b"/echo/", KEY, b"traceparent: " + unsampled)).status == 200
    assert running.spans == []
    assert running.upstream.requests[0].all(b"traceparent") == [unsampled]


async def test_an_upstream_is_told_when_the_sampler_says_no(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path, sampler=ALWAYS_OFF) as running:
        await ask(running.gateway, b"/public/", b"traceparent: " + CALLER)
        await ask(running.gateway, b"/public/")
    assert running.spans == []
    continued, begun = (request.one(b"traceparent") or b"" for request in running.upstream.requests)
    assert continued[:36] == CALLER[:36]
    assert continued[36:52] != CALLER[36:52], "who changes the flag is a parent of its own"
    assert continued[-3:] == begun[-3:] == b"-00"


async def test_an_authority_has_a_span_when_it_is_asked_and_none_when_memory_answers(
    examples: Examples, tmp_path: Path
) -> None:
    async with traced(examples, tmp_path) as running:
        for _ in range(2):
            await ask(running.gateway, b"/echo/", KEY)
    asked, remembered = (running.one(request, "resolve") for request in running.requests())
    assert [told(each)["gateway.tier"] for each in (asked, remembered)] == ["authority", "memory"]
    assert [len(running.beneath(each)) for each in (asked, remembered)] == [1, 0]


async def test_callers_who_wait_for_one_look_up_have_one_authority_between_them(
    examples: Examples, tmp_path: Path
) -> None:
    async with traced(examples, tmp_path) as running:
        await asyncio.gather(*(ask(running.gateway, b"/echo/", KEY) for _ in range(5)))
    names = [span.name for span in running.spans]
    assert (names.count("resolve"), names.count("authority accounts")) == (5, 1)


async def test_two_requests_on_one_connection_are_two_traces(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path) as running, raw_client(running.gateway.port) as client:
        for fields in ((KEY, b"traceparent: " + CALLER), (KEY,), (KEY, b"traceparent: " + CALLER[:-2] + b"00")):
            await client.send(head(b"/echo/", *fields))
            assert (await client.response()).status == 200
    first, second = running.requests()
    assert context(first).trace_id == CALLERS_TRACE != context(second).trace_id
    assert [len(running.beneath(each)) for each in (first, second)] == [2, 2]


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ((), 401, "unauthenticated"),
        ((b"X-Api-Key: sk_live_nobody",), 401, "unauthenticated"),
        ((f"X-Api-Key: {MEMBER_KEY}".encode(),), 403, "forbidden"),
    ],
)
async def test_a_refusal_is_the_callers_doing_and_no_error(
    examples: Examples, tmp_path: Path, fields: tuple[bytes, ...], status: int, reason: str
) -> None:
    async with traced(examples, tmp_path) as running:
        assert (await ask(running.gateway, b"/admin/", *fields)).status == status
    (request,) = running.requests()
    said = told(request)
    assert (said["http.response.status_code"], said["gateway.reason"], said["gateway.decision"]) == (
        status,
        reason,
        "refused",
    )
    assert (request.status.status_code, "error.type" in said) == (StatusCode.UNSET, False)
    assert [span.name for span in running.beneath(request)] == ["resolve"] * bool(fields)


async def refuses_to_answer(side: UpstreamSide) -> None:
    await side.request()


async def never_answers(side: UpstreamSide) -> None:
    await side.request()
    await side.closed()


async def answers_503(side: UpstreamSide) -> None:
    await side.request()
    await side.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


async def answers_half(side: UpstreamSide) -> None:
    await side.request()
    await side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


@pytest.mark.parametrize(
    ("conversation", "status", "error"),
    [
        (refuses_to_answer, 502, "connection lost"),
        (never_answers, 504, "response timeout"),
        (answers_503, 503, "503"),
        (answers_half, 200, "truncated"),
    ],
)
async def test_an_upstream_that_fails_is_an_error_of_both_spans(
    examples: Examples, tmp_path: Path, conversation: Conversation, status: int, error: str
) -> None:
    async with traced(examples, tmp_path, conversation, response="50ms") as running:
        upstream = f"http://127.0.0.1:{running.upstream.port}"
        async with raw_client(running.gateway.port) as client:
            await client.send(head(b"/public/a?q=1", b"Connection: close"))
            assert (await client.head()).status == status
            await client.read_all()
    request, carried = running.spans
    assert [told(span)["error.type"] for span in (request, carried)] == [error, error]
    assert [span.status.status_code for span in (request, carried)] == [StatusCode.ERROR] * 2
    assert told(carried)["url.full"] == f"{upstream}/public/a"


async def test_an_upstream_that_is_not_there_is_named_and_its_fault_told(examples: Examples, tmp_path: Path) -> None:
    gone = {"name": "gone", "match": {"path": "/gone/"}, "access": "public", "upstream": "http://127.0.0.1:1"}
    async with traced(examples, tmp_path, routes=[gone]) as running:
        assert (await ask(running.gateway, b"/gone/a")).status == 502
    request, carried = running.spans
    assert told(carried)["server.port"] == 1
    assert told(request)["error.type"] == told(carried)["error.type"] == "connect refused"
    assert "http.response.status_code" not in told(carried)


async def test_a_request_that_is_sent_twice_is_one_span_that_says_so(examples: Examples, tmp_path: Path) -> None:
    async def once_a_connection(side: UpstreamSide) -> None:
        await side.request()
        await side.send(OK)
        if side.upstream.connections == 1:  # die on the second request, without a word
            await side.request()
        else:
            await side.closed()

    async with traced(examples, tmp_path, once_a_connection) as running:
        for _ in range(2):
            assert (await ask(running.gateway, b"/public/")).status == 200
    first, second = (running.one(request, "GET") for request in running.requests())
    assert "http.request.resend_count" not in told(first)
    assert told(second)["http.request.resend_count"] == 1
    sent = [request.all(b"traceparent") for request in running.upstream.requests]
    assert sent == [[traceparent(first)], [traceparent(second)], [traceparent(second)]]


async def test_a_tunnel_is_a_span_as_long_as_it_is_open_and_its_end_no_error(
    examples: Examples, tmp_path: Path
) -> None:
    async def tunnel(side: UpstreamSide) -> None:
        await side.request()
        await side.send(SWITCHED)
        await side.closed()

    async with traced(examples, tmp_path, tunnel) as running, raw_client(running.gateway.port) as client:
        await client.send(head(b"/public/ws", *UPGRADE))
        assert (await client.head()).status == 101
        ending = asyncio.ensure_future(running.gateway.supervisor.drain())  # noqa: TID251 - held and awaited
        assert await client.read_all() == close_frame(1001)
        await ending
    request, carried = running.spans
    assert [told(span)["http.response.status_code"] for span in (request, carried)] == [101, 101]
    assert told(request)["gateway.fault"] == "ended by revocation or drain"
    assert {span.status.status_code for span in running.spans} == {StatusCode.UNSET}


async def test_a_client_that_leaves_is_no_error_of_ours(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path, never_answers) as running, raw_client(running.gateway.port) as client:
        await client.send(head(b"/public/"))
        await asyncio.wait_for(running.upstream.arrived.wait(), 10.0)
        client.abort()
    assert {told(span).get("gateway.fault") for span in running.requests()} == {"client gone"}
    assert {span.status.status_code for span in running.spans} == {StatusCode.UNSET}


async def test_an_authority_that_cannot_be_asked_is_an_error_all_the_way_up(examples: Examples, tmp_path: Path) -> None:
    remote = {"kind": "remote", "dialect": "memghost", "url": "http://127.0.0.1:1/auth/session"}
    authorities = {"accounts": examples.settings(tmp_path), "remote": remote}
    credentials = {**READERS, "token": {"kind": "bearer", "authority": "remote"}}
    async with traced(examples, tmp_path, authorities=authorities, credentials=credentials) as running:
        assert (await ask(running.gateway, b"/echo/", b"Authorization: Bearer something")).status == 503
    request, resolve, authority = running.spans
    assert authority.name == "authority remote"
    assert (told(authority)["gateway.authority.kind"], told(authority)["server.address"]) == ("remote", "127.0.0.1")
    assert [told(span)["error.type"] for span in running.spans] == ["503", "unavailable", "unavailable"]
    assert (running.beneath(request), running.beneath(resolve)) == ([resolve], [authority])


async def test_what_was_never_a_request_is_a_span_all_the_same(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path) as running:
        for raw in (b"get /coffee HTTP/1.1\r\nHost: a\r\n\r\n", b"nonsense\r\n\r\n"):
            assert (await exchange(running.gateway.port, raw)).status in {400, 501}
    assert [span.name for span in running.spans] == ["HTTP", "HTTP"]
    assert {told(span)["http.request.method"] for span in running.spans} == {"_OTHER"}


async def test_bytes_that_are_no_text_cost_no_other_span(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path) as running:
        await ask(running.gateway, b"/public/")
        for path in (b"/\xff\xfe", b"/\xc3\xa9", b"/" + b"a" * 5000 + b"\xff"):
            await ask(running.gateway, path)
    assert len(running.requests()) == 4
    for span in running.spans:
        assert encode_spans([span]).SerializeToString()


async def test_nothing_secret_and_no_person_is_told(examples: Examples, tmp_path: Path) -> None:
    secret = "Basic " + base64.b64encode(b"user:hunter2").decode()
    async with traced(examples, tmp_path, session_info=[]) as running:
        gateway = running.gateway
        cookie = f"Cookie: __session={gateway.cookie}; other=hunter2".encode()
        for fields in ((KEY,), (b"Authorization: Bearer " + gateway.bearer.encode(),), (cookie,)):
            extra = (b"Proxy-Authorization: " + secret.encode(), b"X-Secret: hunter2")
            assert (await ask(gateway, b"/echo/a?api_key=hunter2", *fields, *extra)).status == 200
        await ask(gateway, b"http://user:hunter2@app.test/echo/?q=hunter2", KEY)
        everything = gateway.bearer, gateway.cookie
    text = "".join(span.to_json() for span in running.spans)
    assert "/echo/a" in text
    people = ("550e8400", "user@example.com", "John", "org_abc123xyz456")
    for word in (PROJECT_KEY, "hunter2", secret, "?", *everything, *people, "fingerprint"):
        assert word not in text


@pytest.mark.parametrize("proxy", ["nginx", "traefik", "caddy", "envoy"])
async def test_a_decision_that_a_proxy_asks_for_has_the_route_that_it_is_about(
    examples: Examples, tmp_path: Path, proxy: str
) -> None:
    asked = Asked().showing(("X-Api-Key", PROJECT_KEY), ("traceparent", CALLER.decode()))
    async with traced(examples, tmp_path, forward_auth=endpoints()) as running:
        assert (await exchange(running.gateway.port, asked.raw(proxy))).status == 200
    request, resolve, _ = running.spans
    assert (request.name, told(request)["gateway.endpoint"]) == ("GET /echo/", f"forward_auth.{proxy}")
    assert context(request).trace_id == CALLERS_TRACE
    assert running.beneath(request) == [resolve]


async def test_who_am_i_is_told_by_its_path(examples: Examples, tmp_path: Path) -> None:
    async with traced(examples, tmp_path) as running:
        assert (await ask(running.gateway, b"/%5fgateway/session", KEY)).status == 200
        assert (await ask(running.gateway, b"/_gateway/nothing/of/that/name")).status == 404
    known, unknown = running.requests()
    assert (known.name, told(known)["gateway.endpoint"]) == ("GET /_gateway/session", "session")
    assert [span.name for span in running.beneath(known)] == ["resolve"]
    assert unknown.name == "GET"


async def test_a_reload_loses_no_span(examples: Examples, tmp_path: Path) -> None:
    may_answer = asyncio.Event()

    async def slow(side: UpstreamSide) -> None:
        while (request := await side.request()) is not None:
            if request.target == b"/public/slow":
                await may_answer.wait()
            await side.send(OK)

    async with traced(examples, tmp_path, slow) as running, raw_client(running.gateway.port) as client:
        await client.send(head(b"/public/slow"))
        await asyncio.wait_for(running.upstream.arrived.wait(), 10.0)
        await running.reload(telemetry={"traces": "otlp", "access_log": False})
        assert (await ask(running.gateway, b"/public/new")).status == 200
        await running.reload(telemetry={"traces": "none"})
        assert (await ask(running.gateway, b"/public/untraced", b"traceparent: " + CALLER)).status == 200
        may_answer.set()
        assert (await client.response()).status == 200
    assert {told(span)["url.path"] for span in running.requests()} == {"/public/slow", "/public/new"}
    assert running.upstream.requests[-1].all(b"traceparent") == [CALLER]
