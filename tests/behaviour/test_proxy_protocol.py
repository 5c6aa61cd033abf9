"""The PROXY protocol on the public port: whom it is believed of, what it changes, and what is closed instead."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.support.clients.raw_http import raw_client
from tests.support.gateways.proxied import (
    ADDRESSES,
    GET,
    SIGNATURE,
    V1,
    V1_IPV6,
    V2,
    V2_LOCAL,
    V2_UNSPECIFIED,
    ProxiedGateway,
    proxied,
)
from tests.support.gateways.serving import serving
from tests.support.servers.recording_upstream import recording_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHARE = 4
FORGED = b"GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProxiedGateway]:
    folder = tmp_path_factory.mktemp("proxied")
    async with recording_upstream() as upstream:
        settings = proxied(upstream.port, limits={"connections_per_address": SHARE})
        async with serving(settings, folder) as gateway:
            yield ProxiedGateway(gateway, upstream)


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (V1, "192.0.2.9"),
        (V1_IPV6, "2001:db8::9"),
        (V2, "192.0.2.9"),
        (V2_LOCAL, "127.0.0.1"),
        (V2_UNSPECIFIED, "unknown"),
        (b"PROXY UNKNOWN\r\n", "unknown"),
    ],
)
async def test_the_caller_is_whom_the_proxy_names(stand: ProxiedGateway, header: bytes, client: str) -> None:
    async with raw_client(stand.gateway.port) as caller:
        await caller.send(header + GET)
        assert (await caller.response()).status == 200
        await caller.send(GET)  # the header is the connection's
        assert (await caller.response()).status == 200
    assert stand.last_client() == client
    assert stand.upstream.requests[-1].all(b"x-forwarded-for") == [client.encode()]


@pytest.mark.parametrize("header", [V1, V2])
async def test_it_may_come_byte_by_byte(stand: ProxiedGateway, header: bytes) -> None:
    async with raw_client(stand.gateway.port) as caller:
        caller.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(header + GET)):
            await caller.send((header + GET)[place : place + 1])
            await asyncio.sleep(0)
        assert (await caller.response()).status == 200
    assert stand.last_client() == "192.0.2.9"


@pytest.mark.parametrize("header", [V1, V2, V2_UNSPECIFIED, b"PROXY UNKNOWN\r\n"])
async def test_a_caller_behind_the_proxy_is_not_believed_in_its_place(stand: ProxiedGateway, header: bytes) -> None:
    async with raw_client(stand.gateway.port) as caller:
        await caller.send(header + FORGED)
        assert (await caller.response()).status == 200
    assert stand.last_client() != "203.0.113.1"
    assert b"203.0.113.1" not in stand.upstream.requests[-1].all(b"x-forwarded-for")[0]


@pytest.mark.parametrize("header", [V1, V2, SIGNATURE, V1 + V1])
async def test_a_header_of_anybody_else_is_refused(stand: ProxiedGateway, header: bytes) -> None:
    before = len(stand.upstream.requests)
    async with raw_client(stand.gateway.port, "::1") as caller:
        await caller.send(header + GET)
        refused = await caller.response()
        assert (refused.status, await caller.read_all()) == (400, b"")
    assert "a PROXY header, which is read from trusted proxies alone" in refused.json()["error"]["message"]
    assert len(stand.upstream.requests) == before


async def test_anybody_else_is_served_as_who_it_is(stand: ProxiedGateway) -> None:
    async with raw_client(stand.gateway.port, "::1") as caller:
        await caller.send(FORGED)
        assert (await caller.response()).status == 200
    assert stand.last_client() == "::1"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (GET, "there is no PROXY header"),
        (b"\x16\x03\x01\x02\x00", "there is no PROXY header"),
        (b"PROXY TCP4 <script> 192.0.2.1 1 80\r\n" + GET, "the line of a PROXY header cannot be read"),
        (b"PROXY TCP4 " + b"1" * 100, "the line of a PROXY header is longer than 107 bytes"),
        (SIGNATURE + b"\x21\x11\xff\xff", "the PROXY header is longer than limits.head_bytes"),
        (SIGNATURE + b"\x21\x11\x00\x0b" + ADDRESSES, "the PROXY header is too short for its addresses"),
        (SIGNATURE + b"\x11\x11\x00\x0c" + ADDRESSES, "the PROXY header has an unknown version or command"),
    ],
)
async def test_what_a_proxy_may_not_send_ends_the_connection_and_is_told_the_log(
    stand: ProxiedGateway, data: bytes, fault: str
) -> None:
    before = len(stand.upstream.requests)
    with capture_logs() as logged:
        async with raw_client(stand.gateway.port) as caller:
            await caller.send(data)
            assert await caller.read_all() == b""
    refused = {"event": "proxy_header_refused", "log_level": "warning", "peer": "127.0.0.1", "fault": fault}
    assert logged == [refused]
    assert len(stand.upstream.requests) == before


async def test_a_second_header_is_no_request(stand: ProxiedGateway) -> None:
    async with raw_client(stand.gateway.port) as caller:
        await caller.send(V1 + V1 + GET)
        assert (await caller.response()).status == 400


async def test_a_check_of_the_port_is_no_fault(stand: ProxiedGateway) -> None:
    with capture_logs() as logged:
        async with raw_client(stand.gateway.port):
            pass
        async with raw_client(stand.gateway.port) as caller:  # accepted behind the other, which so has ended
            await caller.send(V2 + GET)
            assert (await caller.response()).status == 200
    assert logged == []


async def test_connections_are_the_share_of_whom_they_are_for(stand: ProxiedGateway) -> None:
    one, other = (b"PROXY TCP4 198.51.100.%d 192.0.2.1 1 80\r\n" % number for number in (1, 2))

    async def statuses(header: bytes, callers: int) -> list[int]:
        async with AsyncExitStack() as stack:
            found = []
            for _ in range(callers):
                caller = await stack.enter_async_context(raw_client(stand.gateway.port))
                await caller.send(header + GET)
                found.append((await caller.response()).status)
            if header is one:
                assert await statuses(other, 1) == [200]
            return found

    assert await statuses(one, SHARE + 1) == [*[200] * SHARE, 429]
    assert await statuses(V2_LOCAL, SHARE + 1) == [200] * (SHARE + 1)
