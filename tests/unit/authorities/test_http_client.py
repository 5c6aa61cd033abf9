"""Requests to authorities: over verified TLS, and with nothing that was not meant to be sent."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from gateway.authorities.http_client import HttpClient
from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.dialects.dialect import RemoteRequest, RemoteResponse
from gateway.model.answers import Unavailable, Undecided
from tests.support.servers.low_level import listening

SETTINGS = HttpAuthoritySettings(timeout="10s")


async def say(request: web.BaseRequest) -> web.StreamResponse:
    body = f"{request.method} {request.raw_path} {(await request.read()).decode()}"
    return web.Response(body=body, headers={"Content-Type": "Application/JSON; charset=utf-8"})


async def test_get_and_post_are_heard_with_the_bare_media_type() -> None:
    async with listening(say) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/a?x=1", SETTINGS)
        got = await client.ask(RemoteRequest((), (("y", "ü&"),)))
        posted = await client.post((("token", "a b"),))
        await client.close()
    assert got == RemoteResponse(200, "application/json", b"GET /a?x=1&y=%C3%BC%26 ")
    assert posted == RemoteResponse(200, "application/json", b"POST /a?x=1 token=a+b")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def over_tls(authority: trustme.CA, name: str, settings: HttpAuthoritySettings) -> RemoteResponse | Unavailable:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    runner = web.ServerRunner(web.Server(say))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    client = HttpClient(f"https://127.0.0.1:{runner.addresses[0][1]}/a", settings)
    answer = await client.get()
    await client.close()
    await runner.cleanup()
    return answer


async def test_a_certificate_of_the_configured_authority_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    settings = HttpAuthoritySettings(timeout="10s", ca_file=str(tmp_path / "ca.pem"))
    assert isinstance(await over_tls(authority, "127.0.0.1", settings), RemoteResponse)
    assert type(await over_tls(authority, "other.example", settings)) is Unavailable


async def test_a_certificate_of_nobody_s_is_not_trusted(authority: trustme.CA) -> None:
    answer = await over_tls(authority, "127.0.0.1", SETTINGS)
    assert type(answer) is Unavailable
    assert "127.0.0.1" not in answer.detail


async def test_the_environment_s_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with listening(say) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/a", SETTINGS)
        assert isinstance(await client.get(), RemoteResponse)
        await client.close()


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/", "https://no-such-host.invalid/"])
async def test_a_name_that_leads_nowhere_is_the_authoritys_own_fault(url: str) -> None:
    client = HttpClient(url, SETTINGS)
    answer = await client.get()
    assert type(answer) is Unavailable
    assert "no-such-host" not in answer.detail
    await client.close()


async def test_a_field_that_cannot_be_sent_is_its_callers_alone() -> None:
    async with listening(say) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/a", SETTINGS)
        answer = await client.ask(RemoteRequest((("X-Key", "a\r\nb"),)))
        assert isinstance(answer, Undecided)
        assert isinstance(await client.get(), RemoteResponse)
        await client.close()


async def test_a_reused_connection_that_breaks_is_not_asked_again_on_another() -> None:
    requests = []

    async def once(request: web.BaseRequest) -> web.StreamResponse:
        requests.append(request.path)
        if len(requests) > 1:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=b"{}", content_type="application/json")

    async with listening(once) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/a", SETTINGS)
        assert isinstance(await client.get(), RemoteResponse)
        assert type(await client.get()) is Unavailable
        await client.close()
    assert requests == ["/a", "/a"]


async def test_a_proxy_of_the_environment_is_used_where_the_config_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "direct.invalid")
    for host, settings, expected in (
        ("keys.invalid", {"proxy": "environment"}, RemoteResponse(200, "application/json", b"{}")),
        ("direct.invalid", {"proxy": "environment"}, None),
        ("keys.invalid", {}, None),
    ):
        client = HttpClient(f"http://{host}/jwks", HttpAuthoritySettings(timeout="10s", **settings))
        answer = await client.get()
        await client.close()
        assert answer == expected if expected else isinstance(answer, Unavailable)
    client = HttpClient("https://keys.invalid/jwks", HttpAuthoritySettings(timeout="10s", proxy="environment"))
    assert isinstance(await client.get(), Unavailable)  # what stands for a tunnel speaks no TLS
    await client.close()
    server.close()
    assert [head.partition("\r\n")[0] for head in seen] == [
        "GET http://keys.invalid/jwks HTTP/1.1",
        "CONNECT keys.invalid:443 HTTP/1.1",
    ]
