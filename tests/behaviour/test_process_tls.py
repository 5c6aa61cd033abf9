"""TLS on the public port, and a certificate that is renewed while the gateway serves."""

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.http1.frames import close_frame
from tests.support.builders.certificates import issued
from tests.support.clients.raw_http import RawClient, RawResponse
from tests.support.gateways.running import Running, running, written
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

WORKERS = pytest.mark.parametrize("workers", [1, 2])
UPGRADE = (
    b"GET /public/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Caller:
    """Somebody who trusts the test's authority."""

    def __init__(self, authority: trustme.CA, gateway: Running) -> None:
        self._context = ssl.create_default_context()
        authority.configure_trust(self._context)
        self._port = gateway.port

    async def connect(self) -> RawClient:
        return RawClient(
            *await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context, server_hostname="gateway.test", limit=1 << 20
            )
        )

    async def ask(self, client: RawClient) -> RawResponse:
        await client.send(b"GET /public/ HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
        return await client.response()

    async def certificate(self) -> str:
        client = await self.connect()
        shown = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        client.writer.close()
        return hashlib.sha256(shown).hexdigest()


def config(folder: Path, upstream_port: int, workers: int, watch: str = "0s") -> Path:
    pair = f"{{cert_file: {folder}/tls/tls.crt, key_file: {folder}/tls/tls.key}}"
    made = written(folder, upstream_port, listen=f", workers: {workers}, tls: {pair}")
    made.write_text(made.read_text().replace("watch: 0s", f"watch: {watch}"))
    return made


@WORKERS
async def test_a_renewed_certificate_is_noticed_and_open_connections_stay(tmp_path: Path, workers: int) -> None:
    authority = trustme.CA()
    issued(authority, tmp_path / "tls")
    async with (
        recording_upstream() as upstream,
        running(config(tmp_path, upstream.port, workers, watch="50ms")) as gateway,
    ):
        caller = Caller(authority, gateway)
        client = await caller.connect()
        assert (await caller.ask(client)).status == 200
        assert upstream.requests[0].all(b"X-Forwarded-Proto") == [b"https"]
        before = await caller.certificate()
        issued(authority, tmp_path / "tls", key_type=trustme.KeyType.RSA)
        assert (await gateway.event("config_reloaded"))["outcome"] == "done"
        assert await caller.certificate() != before
        assert (await caller.ask(client)).status == 200
        client.writer.close()


@WORKERS
async def test_a_certificate_that_cannot_be_used_changes_nothing(tmp_path: Path, workers: int) -> None:
    authority = trustme.CA()
    issued(authority, tmp_path / "tls")
    async with recording_upstream() as upstream, running(config(tmp_path, upstream.port, workers)) as gateway:
        caller = Caller(authority, gateway)
        before = await caller.certificate()
        (tmp_path / "tls/tls.key").write_text("no key")
        told = await gateway.reload()
        assert told["outcome"] == "failed"
        assert "listen.tls" in told["detail"]
        assert await caller.certificate() == before


async def test_a_tunnel_over_tls_is_told_that_the_gateway_goes_away(tmp_path: Path) -> None:
    async def tunnel(side: UpstreamSide) -> None:
        await side.request()
        await side.send(SWITCHED)
        await side.closed()

    authority = trustme.CA()
    issued(authority, tmp_path / "tls")
    async with recording_upstream(tunnel) as upstream, running(config(tmp_path, upstream.port, 1)) as gateway:
        client = await Caller(authority, gateway).connect()
        await client.send(UPGRADE)
        assert (await client.head()).status == 101
        stopping = asyncio.gather(gateway.stop())
        assert await client.read_all() == close_frame(1001)
        client.writer.close()
        assert await stopping == [0]


async def test_plain_http_is_not_answered(tmp_path: Path) -> None:
    issued(trustme.CA(), tmp_path / "tls")
    async with recording_upstream() as upstream, running(config(tmp_path, upstream.port, 1)) as gateway:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await gateway.ask()
        assert upstream.requests == []
