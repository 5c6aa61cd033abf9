"""How many callers a gateway takes, counted from the moment that their socket is accepted."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.builders.certificates import issued
from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.gateways.running import running, until, written
from tests.support.servers.recording_upstream import recording_upstream

GET = b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_handshake_that_never_ends_is_a_connection_and_waits_no_longer_than_a_head(
    tmp_path: Path, workers: int
) -> None:
    authority = trustme.CA()
    issued(authority, tmp_path / "tls")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    pair = f"{{cert_file: {tmp_path}/tls/tls.crt, key_file: {tmp_path}/tls/tls.key}}"
    async with recording_upstream() as upstream:
        config = written(
            tmp_path,
            upstream.port,
            listen=f", workers: {workers}, tls: {pair}",
            more="limits: {connections: 1, head_timeout: 1s}\n",
        )
        async with running(config) as gateway, contextlib.AsyncExitStack() as stack:

            async def handshake() -> bool:
                """Whether there is a place for one more, by the word of a whole exchange."""
                try:
                    client = RawClient(
                        *await asyncio.open_connection(
                            "127.0.0.1", gateway.port, ssl=trust, server_hostname="gateway.test"
                        )
                    )
                    await client.send(GET)
                    status = (await client.response()).status
                except (OSError, asyncio.IncompleteReadError):
                    return False
                client.writer.close()
                return status == 200

            silent = list[RawClient]()
            while await handshake():
                silent.append(await stack.enter_async_context(raw_client(gateway.port)))
            assert silent
            for client in silent:
                assert await client.read_all() == b""
            await until(handshake)


async def test_an_address_takes_its_share_and_a_trusted_proxy_is_many_callers(tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        limits = "limits: {connections_per_address: 2}\n"
        config = written(tmp_path, upstream.port, more=limits)
        async with running(config) as gateway, contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(raw_client(gateway.port)) for _ in range(3)]
            refused = await clients[2].response()
            assert (refused.status, refused.json()["error"]["code"]) == (429, "rate_limited")
            written(tmp_path, upstream.port, more=limits + "trusted_proxies: [127.0.0.1]\n")
            await gateway.reload()
            for client in (clients[0], await stack.enter_async_context(raw_client(gateway.port))):
                await client.send(GET)
                assert (await client.response()).status == 200


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_limit_of_descriptors_is_raised_and_one_that_is_too_low_is_told_of(
    tmp_path: Path, workers: int
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    async with recording_upstream() as upstream:
        config = written(
            tmp_path, upstream.port, listen=f", workers: {workers}", more=f"limits: {{connections: {hard}}}\n"
        )
        async with running(config) as gateway:
            told = await gateway.event("descriptors_short")
            assert (told["limit"], told["wanted"]) == (hard, hard + 1024 + 4096 + 256)
            assert told["connections"] < hard // 2
            shown = Path(f"/proc/{(gateway.workers() or [gateway.process.pid])[0]}/limits").read_text()
            (line,) = [line for line in shown.splitlines() if line.startswith("Max open files")]
            assert line.split()[3] == str(hard)


async def test_health_is_told_where_callers_have_taken_all_that_they_may(tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, more="limits: {connections: 3}\n")
        async with running(config) as gateway, contextlib.AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(raw_client(gateway.port))

            async def is_full() -> bool:
                return (await gateway.ask()).status == 503

            await until(is_full)
            assert (await gateway.admin("/readyz")).status == 200
