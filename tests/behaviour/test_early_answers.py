"""An upstream that answers while the caller still uploads, and closes: its answer arrives, each time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.builders.certificates import issued
from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.gateways.running import running, written
from tests.support.servers.recording_upstream import Conversation, UpstreamSide, recording_upstream

ROUNDS = 40
HEAD = b"POST /public/ HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n"
REFUSED = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"


async def close(side: UpstreamSide) -> None:
    """Answer the head and close, with the body unread: the rest of it is met by a reset."""
    await side.head()
    await side.send(REFUSED)
    side.writer.close()


async def close_later(side: UpstreamSide) -> None:
    """Read some of the body first."""
    await side.head()
    await side.reader.read(100_000)
    await side.send(REFUSED)
    side.writer.close()


async def upload(client: RawClient) -> None:
    """Send until the gateway takes no more."""
    with contextlib.suppress(ConnectionError):
        while True:
            await client.send(bytes(65536))


@pytest.mark.parametrize("conversation", [close, close_later])
@pytest.mark.parametrize("tls", [False, True])
async def test_an_early_answer_survives(tmp_path: Path, conversation: Conversation, tls: bool) -> None:
    """It was 502 in 9 to 27 of 100: the next piece of the body met a reset, on which the answer was dropped unread."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = None
    if tls:
        issued(authority, tmp_path / "tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "tls/tls.crt", tmp_path / "tls/tls.key")
    async with recording_upstream(conversation, ssl=context) as upstream, contextlib.AsyncExitStack() as stack:
        config = written(tmp_path, upstream.port)
        if tls:
            config.write_text(config.read_text().replace("http://127", "https://127"))
        gateway = await stack.enter_async_context(running(config, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}))
        statuses = list[int]()
        for _ in range(ROUNDS):
            async with raw_client(gateway.port) as client:
                await client.send(HEAD)
                uploading = asyncio.create_task(upload(client))  # noqa: TID251 - awaited below
                statuses.append((await client.response()).status)
                client.abort()
                await asyncio.gather(uploading, return_exceptions=True)
        assert statuses == [413] * ROUNDS
