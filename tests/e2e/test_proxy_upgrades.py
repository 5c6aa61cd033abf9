"""Behind real proxies: no upgrade but a WebSocket's handshake reaches an application, and that one still does.

An application that speaks h2c answers such an offer with a tunnel, in which any path can be asked for that nobody
judges.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clients.raw_http import exchange, raw_client
from tests.support.gateways.proxy_stand import HANDSHAKE, SWITCH, Stand, raw, standing
from tests.support.gateways.serving import PROJECT_KEY, Examples
from tests.support.servers.proxies import KINDS
from tests.support.servers.recording_upstream import UpstreamSide

KEY = f"X-Api-Key: {PROJECT_KEY}"
OFFERS = (
    ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade, HTTP2-Settings"),
    ("Upgrade: H2C", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade"),
    ("Upgrade: foo/1", "Connection: Upgrade"),
    ("Upgrade: TLS/1.0", "Connection: Upgrade"),
    ("Upgrade: SPDY/3.1", "Connection: upgrade"),
    ("Upgrade: tcp", "Connection: Upgrade"),
    ("Upgrade: websocket, h2c", "Connection: Upgrade"),
    ("Upgrade: h2c, websocket", "Connection: keep-alive, Upgrade"),
    ("Upgrade: h2c", "Upgrade: websocket", "Connection: Upgrade"),
    ("Upgrade: websocket", "Upgrade: h2c", "Connection: Upgrade"),
    ("Upgrade: h2c", "Connection: Upgrade", *HANDSHAKE[2:]),
    ("Upgrade: h2c", *HANDSHAKE),
    ("Upgrade: websocket", "Connection: Upgrade"),
    ("Upgrade: websocket", "Connection: Upgrade", HANDSHAKE[3], "Sec-WebSocket-Version: 8"),
    ("Upgrade: websocketx", *HANDSHAKE[1:]),
    (HANDSHAKE[0], *HANDSHAKE[2:]),
)
"""None is a handshake: the last lacks the Connection field."""

VALID = frozenset(HANDSHAKE)


async def eager(side: UpstreamSide) -> None:
    """Switch to whatever protocol is asked for, as an application that speaks it does."""
    while (request := await side.request()) is not None:
        await side.send(SWITCH if request.all(b"upgrade") else side.upstream.answer)


@pytest.fixture(params=KINDS)
async def stand(request: pytest.FixtureRequest, examples: Examples, tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(request.param, examples, tmp_path, eager) as running:
        yield running


async def attempt(stand: Stand, method: str, target: str, lines: tuple[str, ...]) -> int:
    """Return the status of one request, and see to it that no other protocol was asked of the application."""
    async with raw_client(stand.port) as client:
        await client.send(raw(method, target, "app.test", *lines))
        status = (await client.head()).status
    for request in stand.came():
        offered = request.all(b"upgrade")
        assert [value.lower() for value in offered] in ([], [b"websocket"]), (lines, offered)
        assert not (offered and status != 101)
        assert request.all(b"http2-settings") == []
        assert b"upgrade" not in b",".join(request.all(b"connection")).lower() or offered
    return status


async def test_no_upgrade_reaches_an_application(stand: Stand) -> None:
    for lines in OFFERS:
        for shown in ((), (KEY,)):
            for offer in (lines, tuple(line for line in lines if not line.startswith("Connection"))):
                target = "/echo/a" if shown else "/public/a"
                status = await attempt(stand, "GET", target, (*shown, *offer))
                # a second Upgrade line may be dropped, and what is left is a handshake
                assert status in {200, 400, 403} or (status == 101 and set(offer) >= VALID), (offer, status)


async def test_no_handshake_with_a_body_or_by_another_method_is_one(stand: Stand) -> None:
    for method, more in (("POST", ()), ("POST", ("Content-Length: 0",)), ("OPTIONS", ()), ("HEAD", ())):
        assert await attempt(stand, method, "/public/a", (*HANDSHAKE, *more)) != 101, (method, more)


async def test_an_ordinary_client_that_offers_h2c_is_served(stand: Stand) -> None:
    """Java's HttpClient does so by default."""
    for target, lines in (("/public/a", ()), ("/echo/a", (KEY,))):
        assert await attempt(stand, "GET", target, (*lines, *OFFERS[0])) == 200


async def test_a_handshake_reaches_the_application_in_any_case(stand: Stand) -> None:
    for lines in (
        HANDSHAKE,
        ("Upgrade: WebSocket", "Connection: keep-alive, upgrade", *HANDSHAKE[2:]),
    ):
        async with raw_client(stand.port) as client:
            await client.send(raw("GET", "/echo/ws", "app.test", KEY, *lines))
            assert (await client.head()).status == 101
        (request,) = stand.came()
        assert [value.lower() for value in request.all(b"upgrade")] == [b"websocket"]


async def test_http_1_0_has_no_upgrade_but_for_traefik_which_takes_a_handshake(stand: Stand) -> None:
    head = raw("GET", "/public/a", "app.test", *HANDSHAKE).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    status = (await exchange(stand.port, head)).status
    (request,) = stand.came() or [None]
    assert status != 101 or (stand.kind == "traefik" and request and request.all(b"upgrade") == [b"websocket"])
