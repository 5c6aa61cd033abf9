"""What becomes of wacht's cookie in the whole gateway: renewed in time, and a visitor's counts as none."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from gateway.authorities.directory import DirectorySettings, open_tokens
from gateway.directory.operations.session_operations import sign_token
from gateway.directory.schema import open_current
from gateway.wiring.clock import wall_clock
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import COOKIE_SESSION, Examples, Gateway, config, serving
from tests.support.servers.recording_upstream import OK, RecordingUpstream, recording_upstream


class Wacht:
    """A running gateway with a wacht endpoint, and what issues its cookies."""

    def __init__(self, gateway: Gateway, upstream: RecordingUpstream, accounts: dict[str, Any]) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self._accounts = accounts

    async def cookie(self, age: float) -> str:
        """Return a cookie that was issued `age` seconds ago."""
        settings = DirectorySettings.model_validate(self._accounts)
        tokens = open_tokens(settings, lambda: wall_clock() - age)
        assert tokens is not None
        async with open_current(settings.url.get_secret_value()) as directory:
            return await sign_token(directory, tokens, COOKIE_SESSION, "cookie", datetime.now(UTC))

    async def ask(self, path: str, *lines: str) -> RawResponse:
        head = "\r\n".join((f"GET {path} HTTP/1.1", "Host: gateway.test", "Connection: close", *lines))
        return await exchange(self.gateway.port, f"{head}\r\n\r\n".encode())


@contextlib.asynccontextmanager
async def wacht(examples: Examples, folder: Path, **more: Any) -> AsyncIterator[Wacht]:
    accounts = examples.settings(folder)
    info = [{"dialect": "wacht", "credentials": ["cookie"], **more}]
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=info), folder) as gateway,
    ):
        yield Wacht(gateway, upstream, accounts)


@pytest.mark.parametrize(("age", "renewed"), [(5, False), (120, True)])
async def test_a_cookie_is_renewed_when_it_is_older_than_a_minute(
    examples: Examples, tmp_path: Path, age: int, renewed: bool
) -> None:
    async with wacht(examples, tmp_path) as running:
        shown = await running.cookie(age)
        answer = await running.ask("/session", f"Cookie: __session={shown}")
        assert answer.status == 200
        assert bool(answer.all(b"set-cookie")) is renewed
        if renewed:
            fresh = SimpleCookie(answer.all(b"set-cookie")[0].decode())["__session"].value
            again = await running.ask("/session", f"Cookie: __session={fresh}")
            old = await running.ask("/session", f"Cookie: __session={shown}")
            assert (fresh != shown, again.status, again.all(b"set-cookie"), old.status) == (True, 200, [], 200)
            assert fresh.encode() not in running.gateway.log()


@pytest.mark.parametrize(("age", "renewed"), [(5, False), (120, True)])
async def test_a_proxied_answer_renews_it_too(examples: Examples, tmp_path: Path, age: int, renewed: bool) -> None:
    async with wacht(examples, tmp_path) as running:
        shown = await running.cookie(age)
        answer = await running.ask("/echo/", f"Cookie: __session={shown}")
        assert (answer.status, bool(answer.all(b"set-cookie"))) == (200, renewed)
        if renewed:
            fresh = SimpleCookie(answer.all(b"set-cookie")[0].decode())["__session"].value
            assert (await running.ask("/session", f"Cookie: __session={fresh}")).status == 200
            assert fresh.encode() not in running.upstream.requests[0].raw


KEPT_BY_OTHERS = (
    b"Cache-Control: public, max-age=60, s-maxage=3600",
    b"CDN-Cache-Control: max-age=3600",
    b"Cloudflare-CDN-Cache-Control: max-age=3600",
    b"Surrogate-Control: max-age=3600",
    b"X-Accel-Expires: 3600",
    b"Expires: Thu, 31 Dec 2037 23:55:55 GMT",
)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"301 Moved Permanently"])
async def test_a_renewed_cookie_never_travels_on_an_answer_that_others_may_keep(
    examples: Examples, tmp_path: Path, status: bytes
) -> None:
    """Apache's mod_cache gave it to the next stranger."""
    async with wacht(examples, tmp_path) as running:
        lines = (b"HTTP/1.1 " + status, *KEPT_BY_OTHERS, b"ETag: e", b"Content-Length: 2", b"", b"ok")
        running.upstream.answer = b"\r\n".join(lines)
        due, fresh = await running.cookie(120), await running.cookie(5)
        renewed = await running.ask("/echo/", f"Cookie: __session={due}")
        assert len(renewed.all(b"set-cookie")) == 1
        assert renewed.all(b"cache-control") == [b"private, max-age=60"]
        others = {name.partition(b":")[0].lower() for name in KEPT_BY_OTHERS[1:]}
        assert others.isdisjoint(name.lower() for name, _ in renewed.headers)
        assert renewed.one(b"etag") == b"e"
        other = await running.ask("/echo/", f"Cookie: __session={fresh}")
        assert (other.all(b"set-cookie"), other.one(b"cache-control")) == ([], KEPT_BY_OTHERS[0][15:])


async def test_a_304_waits_with_a_renewed_cookie(examples: Examples, tmp_path: Path) -> None:
    """A shared cache adds its fields to the answer that it keeps, and gives that to everybody."""
    async with wacht(examples, tmp_path) as running:
        running.upstream.answer = b"HTTP/1.1 304 Not Modified\r\nCache-Control: public, max-age=60\r\nETag: e\r\n\r\n"
        shown = await running.cookie(120)
        answer = await running.ask("/echo/", f"Cookie: __session={shown}", "If-None-Match: e")
        assert (answer.status, answer.all(b"set-cookie")) == (304, [])
        assert answer.one(b"cache-control") == b"public, max-age=60"
        running.upstream.answer = OK
        assert (await running.ask("/echo/", f"Cookie: __session={shown}")).all(b"set-cookie")


async def test_a_development_token_is_its_callers_alone(examples: Examples, tmp_path: Path) -> None:
    async with wacht(examples, tmp_path, development=True) as running:
        running.upstream.answer = b"HTTP/1.1 200 OK\r\nCache-Control: public\r\nContent-Length: 0\r\n\r\n"
        answer = await running.ask(f"/echo/?__dev_session__={await running.cookie(120)}")
        assert answer.one(b"x-development-session")
        assert answer.all(b"cache-control") == [b"private"]


async def test_an_endpoint_answers_for_its_own_hosts_alone(examples: Examples, tmp_path: Path) -> None:
    async with wacht(examples, tmp_path, hosts=["auth.example.com"]) as running:
        elsewhere = await running.ask("/session")
    async with wacht(examples, tmp_path, hosts=["gateway.test"]) as running:
        here = await running.ask("/session")
    assert (elsewhere.status, elsewhere.json()["error"]["code"]) == (404, "not_found")
    assert (here.status, here.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


async def test_in_development_the_token_travels_in_the_query_and_a_header(examples: Examples, tmp_path: Path) -> None:
    async with wacht(examples, tmp_path, development=True) as running:
        shown = await running.cookie(120)
        answer = await running.ask(f"/session?__dev_session__={shown}")
        assert (answer.status, answer.all(b"set-cookie")) == (200, [])
        assert answer.one(b"x-development-session")
        assert shown.encode() not in running.gateway.log()


async def test_in_development_a_proxied_request_is_known_by_its_query_and_the_upstream_never_sees_it(
    examples: Examples, tmp_path: Path
) -> None:
    async with wacht(examples, tmp_path, development=True) as running:
        shown = await running.cookie(120)
        answer = await running.ask(f"/echo/a?x=1&__dev_session__={shown}&y=2")
        (request,) = running.upstream.requests
        assert (answer.status, request.target) == (200, b"/echo/a?x=1&y=2")
        assert answer.one(b"x-development-session")
        assert shown.encode() not in request.raw
        assert shown.encode() not in running.gateway.log()


async def test_a_visitor_s_cookie_is_no_credential_anywhere(examples: Examples, tmp_path: Path) -> None:
    async with wacht(examples, tmp_path, profile="product") as running:
        first = await running.ask("/session")
        visitor = SimpleCookie(first.all(b"set-cookie")[0].decode())["__session"].value
        shown = f"Cookie: __session={visitor}"
        again = await running.ask("/session", shown)
        optional = await running.ask("/optional/", shown)
        required = await running.ask("/echo/", shown)
    assert (first.status, first.json()["session"]["active_signin"]) == (200, None)
    assert (again.status, optional.status, required.status) == (200, 200, 401)
    assert len(running.upstream.requests) == 1
