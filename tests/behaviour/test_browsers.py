"""What a person sees who opens a page and is refused: a page of ours, or somebody else's login; programs see JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.gateways.serving import MEMBER_KEY, Examples, Gateway, config, serving
from tests.support.servers.ports import free_port

OPENS = "Sec-Fetch-Mode: navigate"
LOGIN = "https://login.example.com/?theme=dark&next={url}#form"
JSON, HTML = b"application/json", b"text/html; charset=utf-8"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("browsers")
    upstream = f"http://127.0.0.1:{free_port()}"  # nobody listens there
    routes: list[dict[str, Any]] = [
        {"name": "away", "match": {"path": "/away/"}, "on_unauthenticated": {"redirect": LOGIN}},
        {"name": "here", "match": {"path": "/here/"}, "on_unauthenticated": {"redirect": "/login?next={url}"}},
        {"name": "optional", "match": {"path": "/optional/"}, "access": "optional"},
        {"name": "public", "match": {"path": "/public/"}, "access": "public"},
        {"name": "admin", "match": {"path": "/admin/"}, "require": {"roles": ["admin"]}},
        {"name": "plain", "match": {"path": "/"}},
    ]
    routes[2]["on_unauthenticated"] = routes[4]["on_unauthenticated"] = {"redirect": LOGIN}
    settings = config(1, examples.settings(folder), routes=[{**route, "upstream": upstream} for route in routes])
    async with serving({**settings, "limits": {"target_bytes": 2048}}, folder) as running:
        yield running


async def ask(gateway: Gateway, target: str, *lines: str, method: str = "GET") -> RawResponse:
    head = (f"{method} {target} HTTP/1.1", "Host: app.test:8080", "Connection: close", *lines)
    request = "".join(f"{line}\r\n" for line in head).encode("latin-1") + b"\r\n"
    return await exchange(gateway.port, request, head=method == "HEAD")


@pytest.mark.parametrize(
    ("target", "lines", "status"),
    [
        ("/a", (), 401),
        ("/a", ("X-Api-Key: nobody's",), 401),
        ("/admin/", (f"X-Api-Key: {MEMBER_KEY}",), 403),
        ("/_gateway/nothing", (), 404),
        ("/a/../b", (), 400),
        ("/" + "a" * 3000, (), 414),
        ("/a", ("Cookie: " + "a=b; " * 600,), 431),
        ("/a", ("X-Long: " + "a" * 40000,), 431),
        ("/public/", (), 502),
    ],
)
async def test_every_refusal_is_a_page_where_a_page_is_opened_and_json_elsewhere(
    gateway: Gateway, target: str, lines: tuple[str, ...], status: int
) -> None:
    seen = await ask(gateway, target, OPENS, "Accept: text/html", *lines)
    assert (seen.status, seen.one(b"Content-Type")) == (status, HTML)
    assert str(status).encode() in seen.body
    assert b"<script" not in seen.body
    assert b"frame-ancestors 'none'" in (seen.one(b"Content-Security-Policy") or b"")
    assert (seen.one(b"Cache-Control"), seen.one(b"Vary")) == (b"no-store", b"Accept, Sec-Fetch-Mode")
    for other in (("Sec-Fetch-Mode: cors", "Accept: text/html"), ("Accept: application/json",), ("Accept: */*",), ()):
        read = await ask(gateway, target, *other, *lines)
        assert (read.status, read.one(b"Content-Type")) == (status, JSON)
        assert read.one(b"Vary") == b"Accept, Sec-Fetch-Mode"
        assert read.json()["error"]["status"] == status


async def test_the_page_has_the_request_id_and_none_of_the_callers_bytes(gateway: Gateway) -> None:
    seen = await ask(gateway, "/evil?x=evil", OPENS, "X-Api-Key: evil", "X-Request-Id: evil", "User-Agent: evil")
    assert (seen.status, seen.one(b"Content-Type")) == (401, HTML)
    assert b"evil" not in seen.body
    ids = [line for line in gateway.log().splitlines() if b'"/evil"' in line]
    assert len(ids) == 1
    request_id = ids[0].partition(b'"request_id":"')[2].partition(b'"')[0]
    assert len(request_id) == 32
    assert b"Request " + request_id in seen.body


async def test_a_head_is_answered_as_the_page_without_its_body(gateway: Gateway) -> None:
    seen = await ask(gateway, "/a", OPENS, method="HEAD")
    assert (seen.status, seen.one(b"Content-Type"), seen.body) == (401, HTML, b"")


async def test_a_page_without_a_session_leads_to_the_login_of_its_route(gateway: Gateway) -> None:
    target = "/away/a%20b?c=d&e=/f"
    for method in ("GET", "HEAD"):
        sent = await ask(gateway, target, OPENS, method=method)
        assert (sent.status, sent.body) == (302, b"")
        assert sent.one(b"Cache-Control") == b"no-store"
        assert sent.one(b"Vary") == b"Accept, Sec-Fetch-Mode"
        login = urlsplit((sent.one(b"Location") or b"").decode("ascii"))
        assert (login.scheme, login.netloc, login.path, login.fragment) == ("https", "login.example.com", "/", "form")
        assert parse_qs(login.query) == {"theme": ["dark"], "next": [f"http://app.test:8080{target}"]}


async def test_a_login_of_ours_is_named_with_the_origin_that_was_asked(gateway: Gateway) -> None:
    sent = await ask(gateway, "/here/", OPENS)
    assert sent.one(b"Location") == b"http://app.test:8080/login?next=http%3A%2F%2Fapp.test%3A8080%2Fhere%2F"


@pytest.mark.parametrize(
    ("target", "lines", "method", "status"),
    [
        ("/away/", ("Cookie: __session=expired",), "GET", 302),
        ("/optional/", ("Cookie: __session=expired",), "GET", 302),
        ("/away/", ("X-Api-Key: nobody's",), "GET", 401),
        ("/away/", ("Authorization: Bearer nobody's",), "GET", 401),
        ("/away/", ("Cookie: __session=a; __session=b",), "GET", 401),
        ("/away/", ("Cookie: __session=a", "X-Api-Key: nobody's"), "GET", 401),
        ("/admin/", (f"X-Api-Key: {MEMBER_KEY}",), "GET", 403),
        ("/away/", (), "POST", 401),
        ("/away/;a", (), "GET", 400),
    ],
)
async def test_only_what_a_sign_in_would_mend_leads_to_a_login(
    gateway: Gateway, target: str, lines: tuple[str, ...], method: str, status: int
) -> None:
    assert (await ask(gateway, target, OPENS, *lines, method=method)).status == status


async def test_a_script_is_told_401_and_sent_nowhere(gateway: Gateway) -> None:
    for lines in (("Sec-Fetch-Mode: cors",), ("Sec-Fetch-Mode: no-cors", "Accept: text/html"), ()):
        read = await ask(gateway, "/away/", *lines)
        assert (read.status, read.one(b"Location"), read.one(b"Content-Type")) == (401, None, JSON)


@pytest.mark.parametrize(
    "host", ["login.example.com@evil.example", "evil.example/", "evil.example\\", "a b", "evil.example?", "[::1"]
)
async def test_no_host_but_a_well_formed_one_is_in_the_address_that_one_comes_back_to(
    gateway: Gateway, host: str
) -> None:
    request = f"GET /away/ HTTP/1.1\r\nHost: {host}\r\n{OPENS}\r\nConnection: close\r\n\r\n"
    sent = await exchange(gateway.port, request.encode())
    assert (sent.status, sent.one(b"Location")) == (400, None)


async def test_a_forwarded_origin_of_a_stranger_is_not_in_the_address(gateway: Gateway) -> None:
    forged = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: host=evil.example")
    sent = await ask(gateway, "/away/", OPENS, *forged)
    assert b"evil" not in (sent.one(b"Location") or b"evil")


async def test_without_a_host_nobody_is_sent_anywhere(gateway: Gateway) -> None:
    async with raw_client(gateway.port) as client:
        await client.send(f"GET /away/ HTTP/1.0\r\n{OPENS}\r\n\r\n".encode())
        sent = await client.response()
    assert (sent.status, sent.one(b"Location")) == (401, None)
