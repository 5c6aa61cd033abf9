"""The PROXY protocol as real balancers write it: over TCP, to a socket file, before TLS, and with their checks."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.builders.certificates import issued
from tests.support.clients.raw_http import RawClient, RawResponse
from tests.support.gateways.serving import Gateway, serving
from tests.support.servers.balancers import KINDS, balancing
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

CALLER = "127.0.0.2"
GET = b"GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n"


def config(upstream: RecordingUpstream, **listen: Any) -> dict[str, Any]:
    route = {"name": "public", "match": {"path": "/"}, "access": "public"}
    return {
        "listen": {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "proxy_protocol": True, **listen},
        "secret": "a-secret-of-the-tests-that-is-long-enough",
        "trusted_proxies": ["127.0.0.1/32", "unix"],
        "routes": [route | {"upstream": f"http://127.0.0.1:{upstream.port}"}],
    }


async def ask(port: int, caller: str = CALLER, trust: ssl.SSLContext | None = None) -> RawResponse:
    """Ask twice over one connection from an address of this machine."""
    host = "::1" if caller == "::1" else "127.0.0.1"
    name = "gateway.test" if trust is not None else None
    client = RawClient(
        *await asyncio.open_connection(host, port, local_addr=(caller, 0), ssl=trust, server_hostname=name)
    )
    await client.send(GET + GET)
    first, second = await client.response(), await client.response()
    client.writer.close()
    assert first.status == second.status
    return second


def clients(gateway: Gateway) -> list[str]:
    lines = [json.loads(line) for line in gateway.log().splitlines()]
    assert not [line for line in lines if line.get("event") == "proxy_header_refused"]
    return [line["client"] for line in lines if line["log"] == "access"]


@pytest.mark.parametrize("kind", KINDS)
async def test_callers_behind_a_balancer_are_known_by_their_addresses(tmp_path: Path, kind: str) -> None:
    async with recording_upstream() as upstream, serving(config(upstream), tmp_path) as gateway:
        async with balancing(kind, tmp_path, f"127.0.0.1:{gateway.port}") as port:
            assert (await ask(port)).status == 200
            assert (await ask(port, "::1")).status == 200
        assert clients(gateway) == [CALLER, CALLER, "::1", "::1"]
        assert [request.all(b"x-forwarded-for") for request in upstream.requests] == [
            [name] for name in (CALLER.encode(), CALLER.encode(), b"::1", b"::1")
        ]


@pytest.mark.parametrize("kind", ["haproxy v2", "nginx"])
async def test_a_balancer_reaches_a_socket_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s"
    async with recording_upstream() as upstream, serving(config(upstream, public=f"unix:{path}"), tmp_path) as gateway:
        async with balancing(kind, tmp_path, f"unix@{path}") as port:
            assert (await ask(port)).status == 200
        assert clients(gateway) == [CALLER, CALLER]


@pytest.mark.parametrize("kind", ["haproxy v1", "haproxy v2", "nginx"])
async def test_tls_goes_through_a_balancer_behind_the_header(tmp_path: Path, kind: str) -> None:
    authority = trustme.CA()
    pair = issued(authority, tmp_path)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    tls = {"cert_file": str(pair.cert_file), "key_file": str(pair.key_file)}
    async with recording_upstream() as upstream, serving(config(upstream, tls=tls), tmp_path) as gateway:
        async with balancing(kind, tmp_path, f"127.0.0.1:{gateway.port}") as port:
            assert (await ask(port, trust=trust)).status == 200
        assert clients(gateway) == [CALLER, CALLER]
        assert upstream.requests[0].all(b"x-forwarded-proto") == [b"https"]
