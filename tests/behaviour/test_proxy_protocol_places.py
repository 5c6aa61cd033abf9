"""The PROXY protocol where it meets TLS, socket files, slow proxies and its own switch."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.builders.certificates import issued
from tests.support.clients.raw_http import PATIENCE, RawClient, raw_client
from tests.support.gateways.proxied import ADDRESSES, GET, SIGNATURE, V1, V2, ProxiedGateway, proxied
from tests.support.gateways.serving import serving
from tests.support.servers.recording_upstream import recording_upstream


async def test_what_comes_too_slowly_is_cut(tmp_path: Path) -> None:
    limits = {"head_timeout": "100ms"}
    async with recording_upstream() as upstream, serving(proxied(upstream.port, limits=limits), tmp_path) as gateway:
        stand = ProxiedGateway(gateway, upstream)
        for data in (V1[:-1], SIGNATURE + b"\x21\x11\x01\x00" + ADDRESSES):
            async with raw_client(gateway.port) as caller:
                await caller.send(data)
                assert await caller.read_all() == b""
            assert stand.last_fault() == "the PROXY header did not come within limits.head_timeout"


@pytest.mark.parametrize("header", [V1, V2, b""])
async def test_it_stands_before_the_tls_handshake(tmp_path: Path, header: bytes) -> None:
    authority = trustme.CA()
    pair = issued(authority, tmp_path)
    tls = {"cert_file": str(pair.cert_file), "key_file": str(pair.key_file)}
    async with (
        recording_upstream() as upstream,
        serving(proxied(upstream.port, listen={"tls": tls}), tmp_path) as gateway,
    ):
        stand, trust = ProxiedGateway(gateway, upstream), ssl.create_default_context()
        authority.configure_trust(trust)
        connection = socket.create_connection(("127.0.0.1" if header else "::1", gateway.port), PATIENCE)
        connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
        await asyncio.get_running_loop().sock_sendall(connection, header)
        caller = RawClient(*await asyncio.open_connection(sock=connection, ssl=trust, server_hostname="gateway.test"))
        await caller.send(GET)
        assert (await caller.response()).status == 200
        caller.writer.close()
        assert stand.last_client() == ("192.0.2.9" if header else "::1")
        assert upstream.requests[-1].all(b"x-forwarded-proto") == [b"https"]


async def test_a_proxy_at_a_socket_file_is_one_too(tmp_path: Path) -> None:
    settings = proxied(9, listen={"public": f"unix:{tmp_path}/s"}, trusted_proxies=["unix"])
    async with recording_upstream() as upstream:
        settings["routes"][0]["upstream"] = f"http://127.0.0.1:{upstream.port}"
        async with serving(settings, tmp_path) as gateway, raw_client(f"unix:{tmp_path}/s") as caller:
            await caller.send(V2 + GET)
            assert (await caller.response()).status == 200
            assert ProxiedGateway(gateway, upstream).last_client() == "192.0.2.9"


async def test_without_the_switch_it_is_read_from_nobody(tmp_path: Path) -> None:
    settings = proxied(9, listen={"proxy_protocol": False})
    async with serving(settings, tmp_path) as gateway:
        for header in (V1, V2):
            async with raw_client(gateway.port) as caller:
                await caller.send(header + GET)
                assert (await caller.response()).status == 400
