"""Upstreams that are not just a host and a port: behind a certificate of their own, or at a socket file."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.builders.certificates import issued
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.serving import PROJECT_KEY, Examples, config, serving
from tests.support.servers.recording_upstream import recording_upstream

GET = f"GET /orders/1 HTTP/1.1\r\nHost: gateway.test\r\nX-Api-Key: {PROJECT_KEY}\r\n\r\n".encode()


async def status_through(examples: Examples, folder: Path, **route: Any) -> int:
    """Return what a request over a route with these keys is answered."""
    routes = [{"name": "orders", "match": {"path": "/orders/"}, **route}]
    async with (
        serving(config(1, examples.settings(folder), routes=routes), folder) as gateway,
        raw_client(gateway.port) as client,
    ):
        await client.send(GET)
        return (await client.response()).status


async def test_an_upstream_at_a_socket_file_is_told_who_calls(examples: Examples, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    async with recording_upstream(path=path) as upstream:
        assert await status_through(examples, tmp_path, upstream=f"unix:{path}") == 200
    (request,) = upstream.requests
    assert request.all(b"x-project-id") == [b"proj_abc123xyz456"]
    assert request.all(b"host") == [b"gateway.test"]


async def test_a_socket_file_that_is_not_there_is_502(examples: Examples, tmp_path: Path) -> None:
    assert await status_through(examples, tmp_path, upstream=f"unix:{tmp_path}/nobody.sock") == 502


@pytest.mark.parametrize(
    ("name", "trusted", "status"),
    [("gateway.test", True, 200), ("orders.internal", True, 502), ("gateway.test", False, 502), ("", True, 200)],
)
async def test_an_upstreams_certificate_is_that_of_its_authority_and_its_name(
    examples: Examples, tmp_path: Path, name: str, trusted: bool, status: int
) -> None:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes((authority if trusted else trustme.CA()).cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("gateway.test", "127.0.0.1").configure_cert(context)
    async with recording_upstream(ssl=context) as upstream:
        tls = {"ca_file": str(tmp_path / "ca.pem"), "server_name": name}
        address = f"https://127.0.0.1:{upstream.port}"
        assert await status_through(examples, tmp_path, upstream=address, tls=tls) == status
    assert len(upstream.requests) == (status == 200)


@pytest.mark.parametrize(("shown", "status"), [(True, 200), (False, 502)])
async def test_an_upstream_that_asks_for_a_certificate_is_shown_the_routes(
    examples: Examples, tmp_path: Path, shown: bool, status: int
) -> None:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    mine = issued(authority, tmp_path / "mine")
    tls = {"ca_file": str(tmp_path / "ca.pem")}
    if shown:
        tls |= {"cert_file": str(mine.cert_file), "key_file": str(mine.key_file)}
    async with recording_upstream(ssl=context) as upstream:
        address = f"https://127.0.0.1:{upstream.port}"
        assert await status_through(examples, tmp_path, upstream=address, tls=tls) == status
    assert len(upstream.requests) == shown
