"""Envoy's questions over gRPC, asked by a real client: the decisions of the other doors, in the words of this one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.ext_authz.messages import CheckRequest
from tests.support.clients.authorization_client import CHECK, Answer, Asking, asking, question
from tests.support.gateways.serving import (
    COOKIE_SESSION,
    IDENTITY,
    MEMBER_KEY,
    PROJECT_KEY,
    Examples,
    Gateway,
    config,
    serving,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = ("x-api-key", PROJECT_KEY)
JOHN = "550e8400-e29b-41d4-a716-446655440002"
GRPC = ("content-type", "application/grpc")
PAGE = "https://app.example.com"
AT = {"upstream": "http://127.0.0.1:1"}
LISTEN = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "grpc": "127.0.0.1:0"}
ROUTES = [
    {"name": "kept", "match": {"path": "/kept/"}, "access": "public", "forward_credentials": True, **AT},
    {
        "name": "away",
        "match": {"path": "/away/"},
        "on_unauthenticated": {"redirect": "https://login.test/?to={url}"},
        **AT,
    },
    {"name": "slow", "match": {"path": "/slow/"}, "rate_limit": {"per": "address", "rate": "1/h", "burst": 1}, **AT},
    {"name": "page", "match": {"path": "/page/"}, "cors": {"origins": [PAGE]}, **AT},
]


class Stand:
    """A gateway that this machine may ask, and a channel to it."""

    def __init__(self, gateway: Gateway, to: Asking) -> None:
        self.gateway = gateway
        self.to = to

    async def ask(self, target: str, *lines: tuple[str, str], **how: Any) -> Answer:
        return await self.to.ask(question(target, *lines, **how))

    def lines(self) -> list[dict[str, Any]]:
        return [line for raw in self.gateway.log().splitlines() if (line := json.loads(raw)).get("log") == "access"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    folder = tmp_path_factory.mktemp("ext_authz")
    settings = config(1, examples.settings(folder), listen=LISTEN, ext_authz={"peers": ["127.0.0.0/8"]})
    settings["routes"] = [*ROUTES, *settings["routes"]]
    async with serving(settings, folder) as gateway, asking(f"127.0.0.1:{gateway.grpc_port}") as to:
        yield Stand(gateway, to)


async def test_an_allow_sets_who_calls_and_takes_away_the_rest(stand: Stand) -> None:
    forged = [(name.decode().lower(), "forged") for name in IDENTITY if name not in {b"X-User-Id", b"X-Api-Key-Id"}]
    answer = await stand.ask("/echo/a", KEY, *forged, ("remote-user", "forged"), ("x-auth-request-user", "forged"))
    assert answer.allowed
    told = answer.told()
    assert (told["x-user-id"], told["x-user-name"], told["x-auth-method"]) == (JOHN, "John Doe", "api_key")
    assert "forged" not in told.values()
    assert {"x-api-key", "remote-user", "x-auth-request-user"} < answer.removed
    assert told.keys() | answer.removed >= {name.decode().lower() for name in IDENTITY}
    assert not told.keys() & answer.removed, "what is removed is removed last"
    line = stand.lines()[-1]
    assert (line["endpoint"], line["decision"], line["route"]) == ("forward_auth.envoy_grpc", "allowed", "echo")
    assert (line["client"], line["host"], line["path"]) == ("192.0.2.7", "app.test", "/echo/a")


async def test_credentials_are_taken_away_unless_the_route_forwards_them(stand: Stand) -> None:
    shown = (KEY, ("authorization", "Bearer x"), ("cookie", "a=1; __session=x; b=2"))
    answer = await stand.ask("/public/a", *shown)
    assert {"x-api-key", "authorization"} < answer.removed
    assert answer.told()["cookie"] == "a=1; b=2"
    assert "cookie" in (await stand.ask("/public/a", ("cookie", "__session=x"))).removed
    kept = await stand.ask("/kept/a", *shown)
    assert not {"x-api-key", "authorization", "cookie"} & kept.removed
    assert kept.told()["cookie"] == "a=1; __session=x; b=2"


DECISIONS: list[tuple[str, tuple[tuple[str, str], ...], int]] = [
    ("/echo/a?b=c", (KEY,), 200),
    ("/echo/a", (), 401),
    ("/echo/a", (("x-api-key", "nobody's"),), 401),
    ("/echo/a", (KEY, KEY), 401),
    ("/echo/a", (KEY, ("cookie", "__session=x")), 401),
    ("/admin/", (KEY,), 200),
    ("/admin/", (("x-api-key", MEMBER_KEY),), 403),
    ("/public/", (), 200),
    ("/optional/", (), 200),
    ("/optional/", (("x-api-key", "nobody's"),), 401),
    ("/nowhere", (KEY,), 404),
    ("/_gateway/session", (KEY,), 404),
    ("/public/../admin/", (), 400),
    ("/public/%2e%2e/admin/", (), 400),
    ("/public//admin/", (), 400),
    ("/public/" + "a" * 8300, (), 414),
    ("/public/", tuple((f"x-{number}", "1") for number in range(200)), 431),
    ("/public/", (("x-long", "a" * 33000),), 431),
    ("/public/", (("x_user_id", "root"),), 400),
    ("/public/", (("x-forwarded-uri", "/public/"),), 400),
    ("*", (), 400),
    ("public/", (), 400),
    ("http://app.test/public/", (), 400),
]


@pytest.mark.parametrize("merged", [False, True], ids=["raw", "map"])
async def test_the_decisions_are_those_of_the_other_doors(stand: Stand, merged: bool) -> None:
    for target, lines, status in DECISIONS:
        expected = 400 if merged and lines == (KEY, KEY) else status
        answer = await stand.ask(target, *lines, merged=merged)
        assert (answer.allowed, answer.status) == (expected == 200, expected), (target, lines)
        assert stand.lines()[-1]["status"] == expected
        if status == 401 == expected:
            assert answer.client()["www-authenticate"]


async def test_methods_are_judged_as_the_client_sent_them(stand: Stand) -> None:
    for method in ("TRACE", "CONNECT", "propfind", "get", "GE T", "", "GET\r\nX: y"):
        assert not (await stand.ask("/public/", method=method)).allowed, method
    for method in ("HEAD", "POST", "OPTIONS", "DELETE", "PROPFIND", "FOO"):
        assert (await stand.ask("/public/", method=method)).allowed, method


async def test_a_merged_credential_is_refused_since_it_may_be_two(stand: Stand) -> None:
    cookie = ("cookie", f"__session={stand.gateway.cookie}")
    for lines in (
        (KEY, ("x-api-key", "other")),
        (("authorization", f"Bearer {stand.gateway.bearer}"), ("authorization", "Bearer other")),
        (cookie, ("cookie", "__session=other")),
        (("cookie", "a=1"), cookie),
        (("x-user-id", "a"), ("x-user-id", "b")),
    ):
        for target in ("/echo/a", "/optional/", "/public/"):
            assert (await stand.ask(target, *lines, merged=True)).status == 400, lines
    listed = (("accept", "a"), ("accept", "b"), KEY)
    assert (await stand.ask("/echo/a", *listed, merged=True)).allowed, "lists may be joined (RFC 9110 section 5.3)"


async def test_a_question_that_says_two_things_is_refused(stand: Stand) -> None:
    def both(asked: Any) -> None:
        asked.attributes.request.http.headers["x-api-key"] = "other"

    def valued(asked: Any) -> None:
        asked.attributes.request.http.header_map.headers.add(key="x-api-key", value="other", raw_value=b"one")

    def pseudo(name: str) -> Any:
        return lambda asked: asked.attributes.request.http.header_map.headers.add(key=name, raw_value=b"/admin/")

    def text(name: str, value: str) -> Any:
        return lambda asked: setattr(asked.attributes.request.http, name, value)

    def forged(name: str, value: bytes) -> Any:
        return lambda asked: asked.attributes.request.http.header_map.headers.add(key=name, raw_value=value)

    odd = [both, valued, *map(pseudo, (":path", ":method", ":authority", "host"))]
    odd += [text(name, "") for name in ("method", "path", "host")]
    odd += [text("query", "a=b"), text("fragment", "a"), text("host", "a b"), text("host", "a\r\nx-api-key: b")]
    odd += [text("path", "/public/ HTTP/1.1\r\nX-Api-Key: b"), text("path", "/public/\n"), text("path", "/public/\x7f")]
    odd += [forged("x-a", b"a\r\nx-b: c"), forged("x-a\r\nx-b", b"c"), forged("x-a: b", b"c"), forged("", b"a")]
    odd += [forged("x-a", b"a\0"), forged("x a", b"b"), forged("upgrade", b"h2c"), forged("upgrade", b"websocket, h2c")]
    odd += [forged("x-forwarded-proto", b"https"), forged("content-length", b"1"), forged("content-type", b"a")]
    for place, change in enumerate(odd):
        asked = question("/public/", ("content-length", "0"), ("content-type", "b"))
        change(asked)
        answer = await stand.to.ask(asked)
        assert (answer.allowed, answer.status) == (False, 400), place


async def test_whatever_is_missing_is_no_allow(stand: Stand) -> None:
    whole = question("/public/")
    for empty in (CheckRequest(), CheckRequest(attributes={}), CheckRequest(attributes={"request": {}})):
        assert (await stand.to.ask(empty)).status == 400
    assert (await stand.to.ask(CheckRequest(attributes={"request": {"http": {}}}))).status == 400
    whole.attributes.ClearField("source")
    assert (await stand.to.ask(whole)).allowed
    assert stand.lines()[-1]["client"] == "127.0.0.1", "whoever asked"
    whole.attributes.source.address.pipe.path = "/run/envoy.sock"
    assert (await stand.to.ask(whole)).allowed


async def test_what_is_not_known_changes_nothing(stand: Stand) -> None:
    """Context extensions, metadata, the body and a TLS session are of Envoy's own config, and none of our business."""
    more = b"".join(
        (
            b"\x52\x0c\n\x04role\x12\x04root",  # context_extensions: {role: root}
            b"\x5a\x02\n\x00",  # metadata_context
            b"\x62\x03\n\x01a",  # tls_session
            b"\xfa\x07\x03abc",  # a field that nobody has defined
        )
    )
    for target, allowed in (("/public/", True), ("/echo/a", False)):
        attributes = question(target).attributes.SerializeToString() + more
        raw = b"\n" + _varint(len(attributes)) + attributes
        assert (await stand.to.ask(CheckRequest.FromString(raw))).allowed is allowed


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7]) if number > 0x7F else bytes([number])


async def test_bytes_of_no_text_are_read_as_they_are(stand: Stand) -> None:
    assert (await stand.ask("/public/", ("x-name", "Zo\xeb"))).allowed
    answer = await stand.ask("/echo/a", ("x-api-key", "k\xff"))
    assert answer.status == 401


async def test_the_client_is_the_source_and_who_forwarded_for_it_only_if_that_is_believed(
    examples: Examples, tmp_path: Path
) -> None:
    more = {"ext_authz": {"peers": ["127.0.0.0/8"]}, "trusted_proxies": ["10.0.0.0/8"], "listen": LISTEN}
    settings = config(1, examples.settings(tmp_path), **more)
    async with serving(settings, tmp_path) as gateway, asking(f"127.0.0.1:{gateway.grpc_port}") as to:
        for source, chain, client in (
            ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
            ("2001:db8::1", "203.0.113.9", "2001:db8::1"),
        ):
            forged = (("x-forwarded-for", chain), ("x-real-ip", "198.51.100.99"))
            assert (await to.ask(question("/public/", *forged, source=source))).allowed
            assert Stand(gateway, to).lines()[-1]["client"] == client
        assert not (await to.ask(question("/public/", source="a b"))).allowed


async def test_a_grpc_caller_is_denied_in_its_own_words(stand: Stand) -> None:
    for target, lines, http, code in (
        ("/echo/a", (), 401, 16),
        ("/admin/", (("x-api-key", MEMBER_KEY),), 403, 7),
        ("/nowhere", (), 404, 12),
    ):
        for content_type in ("application/grpc", "application/grpc+proto"):
            answer = await stand.ask(target, ("content-type", content_type), *lines, method="POST")
            told = answer.client()
            assert (answer.status, answer.response.status.code, told["grpc-status"]) == (http, code, [str(code)])
            assert told["grpc-message"] == [answer.body]
            assert answer.body
            assert "{" not in answer.body
            assert "content-type" not in told
    web = await stand.ask("/echo/a", ("content-type", "application/grpc-web"), method="POST")
    assert json.loads(web.body)["error"]["code"] == "unauthenticated"


async def test_a_browser_is_sent_to_the_login_or_sees_a_page(stand: Stand) -> None:
    opens = ("sec-fetch-mode", "navigate")
    answer = await stand.ask("/away/a?b=c", opens)
    assert (answer.status, answer.client()["location"]) == (
        302,
        ["https://login.test/?to=http%3A%2F%2Fapp.test%2Faway%2Fa%3Fb%3Dc"],
    )
    page = await stand.ask("/echo/a", opens)
    assert page.client()["content-type"] == ["text/html; charset=utf-8"]
    assert "<small>Request " in page.body


async def test_a_websocket_with_a_foreign_pages_cookie_is_refused(stand: Stand) -> None:
    cookie = ("cookie", f"__session={stand.gateway.cookie}")
    for fields in (
        (("upgrade", "websocket"),),
        (("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="), ("sec-websocket-version", "13")),
    ):
        assert (await stand.ask("/echo/ws", cookie, ("origin", "https://evil.test"), *fields)).status == 403
        answer = await stand.ask("/echo/ws", cookie, ("origin", "http://app.test"), *fields)
        assert (answer.allowed, answer.told()["x-session-id"]) == (True, COOKIE_SESSION)


async def test_limits_count_the_client_and_pages_are_told_what_they_may(stand: Stand) -> None:
    assert (await stand.ask("/slow/", KEY, source="192.0.2.8")).allowed
    refused = await stand.ask("/slow/", KEY, source="192.0.2.8")
    assert (refused.status, bool(refused.client()["retry-after"])) == (429, True)
    assert (await stand.ask("/slow/", KEY, source="192.0.2.9")).allowed
    answer = await stand.ask("/page/", KEY, ("origin", PAGE))
    assert answer.client()["access-control-allow-origin"] == [PAGE]


async def test_health_is_told_and_no_other_method_is(stand: Stand) -> None:
    check = stand.to.channel.unary_unary("/grpc.health.v1.Health/Check")
    for service in (b"", b"\n\x23envoy.service.auth.v3.Authorization"):
        assert await check(service, timeout=10) == b"\x08\x01"
    for path, message, code in (
        ("/grpc.health.v1.Health/Check", b"\n\x05other", grpc.StatusCode.NOT_FOUND),
        ("/grpc.health.v1.Health/Watch", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/envoy.service.auth.v2.Authorization/Check", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/envoy.service.auth.v3.Authorization/check", b"", grpc.StatusCode.UNIMPLEMENTED),
        (CHECK, b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (CHECK, b"\n\x05" + b"a", grpc.StatusCode.INVALID_ARGUMENT),
        (CHECK, question("/public/").SerializeToString() + bytes(300_000), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ):
        assert (await stand.to.fails(path, message)).code() is code, (path, message[:9])
    compressed = await stand.to.fails(CHECK, bytes(5000), compression=grpc.Compression.Gzip)
    assert compressed.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("peers", [[], ["192.0.2.7/32"]], ids=["nobody", "another"])
async def test_only_peers_may_ask(examples: Examples, tmp_path: Path, peers: list[str]) -> None:
    more = {"ext_authz": {"peers": peers}, "trusted_proxies": ["127.0.0.0/8"], "listen": LISTEN}
    settings = config(1, examples.settings(tmp_path), **more)
    async with serving(settings, tmp_path) as gateway, asking(f"127.0.0.1:{gateway.grpc_port}") as to:
        error = await to.fails(CHECK, question("/public/").SerializeToString())
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert Stand(gateway, to).lines()[-1]["detail"] == "not one of ext_authz.peers"
