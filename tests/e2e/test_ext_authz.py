"""Envoy asks over gRPC, and nothing but the gateway's answer takes away what no application may get.

The suites of every proxy (test_proxies.py and those beside it) run with deploy/envoy/grpc.yaml besides. Here Envoy's
own removals are taken out of that config, and it sends headers in the two ways that it can.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from ruamel.yaml import YAML

from gateway.commands.front_config import front
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.proxy_stand import HANDSHAKE, Stand, app, raw
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, Examples, config, serving
from tests.support.repository import DEPLOY
from tests.support.servers.ports import free_port
from tests.support.servers.proxies import OVER_GRPC, running_proxy
from tests.support.servers.recording_upstream import recording_upstream

KEY = f"X-Api-Key: {PROJECT_KEY}"
READY = raw("GET", "/public/", "app.test")
REMOVED = r"(?s) +- name: envoy\.filters\.http\.header_mutation.*?(?= +- name: envoy\.filters\.http\.ext_authz)"
CREDENTIALS = r" +# After the decision.*\n +request_headers_to_remove:\n(?: +- .*\n)+"


@asynccontextmanager
async def asking(examples: Examples, folder: Path, text: str, listen: str = "") -> AsyncIterator[Stand]:
    """Run Envoy with the config `text`, or with what is printed for a gateway that listens at `listen`."""
    grpc = listen or f"127.0.0.1:{free_port()}"
    places = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "grpc": grpc}
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(recording_upstream(app))
        peers = {"peers": ["127.0.0.1/32", "unix"]}
        settings = config(upstream.port, examples.settings(folder), listen=places, ext_authz=peers)
        gateway = await stack.enter_async_context(serving(settings, folder))
        if not text:
            YAML(typ="safe", pure=True).dump(settings, folder / "gateway.yaml")
            text = front(folder / "gateway.yaml", "envoy", None, asks_by_grpc=True).output + "\n"
        files = {"envoy/grpc.yaml": text}
        proxy = running_proxy(OVER_GRPC, folder, gateway.grpc_port, upstream.port, READY, files)
        running = Stand(OVER_GRPC, await stack.enter_async_context(proxy), gateway, upstream)
        running.came()
        yield running


def shipped() -> str:
    return (DEPLOY / "envoy/grpc.yaml").read_text(encoding="utf-8")


async def test_the_answer_alone_takes_away_what_is_forged_and_every_credential(
    examples: Examples, tmp_path: Path
) -> None:
    text, mutations = re.subn(REMOVED, "", shipped())
    text, removals = re.subn(CREDENTIALS, "", text)
    assert (mutations, removals) == (1, 1)
    async with asking(examples, tmp_path, text) as stand:
        forged = ("X-User-Id: forged", "X-User-Name: forged", "X-User-Roles: forged", "Remote-User: forged")
        ours = f"Cookie: a=1; __session={stand.gateway.cookie}; b=2"
        for target, lines in (
            ("/echo/a", (KEY, *forged[1:])),
            ("/public/a", (KEY, "Authorization: Bearer secret", ours, *forged)),
            ("/optional/a", forged[1:]),
        ):
            assert (await stand.ask(target, *lines)).status == 200, target
            (request,) = stand.came()
            assert b"forged" not in request.raw, target
            for name in (b"X-Api-Key", b"Authorization", b"Remote-User", b"X-User-Roles"):
                assert request.all(name) == [], (target, name)
            assert b"__session" not in request.raw
            assert len(request.all(b"X-User-Id")) <= 1
        assert (await stand.ask("/echo/a", KEY, *forged[1:2])).status == 200
        assert stand.came()[0].all(b"X-User-Name") == [b"John Doe"]


async def test_keys_that_envoy_merges_are_refused_and_lists_are_not(examples: Examples, tmp_path: Path) -> None:
    text = shipped().replace("encode_raw_headers: true", "encode_raw_headers: false")
    async with asking(examples, tmp_path, text) as stand:
        assert (await stand.ask("/echo/a", KEY, "Accept: a", "Accept: b")).status == 200
        assert len(stand.came()) == 1
        for target in ("/echo/a", "/optional/a", "/public/a"):
            assert (await stand.ask(target, KEY, f"X-Api-Key: {MEMBER_KEY}")).status == 400
            assert (await stand.ask(target, "Authorization: Bearer a", "Authorization: Bearer b")).status == 400
        assert stand.came() == []


async def test_envoy_asks_at_a_socket_file_and_tunnels_what_is_allowed(examples: Examples, tmp_path: Path) -> None:
    async with asking(examples, tmp_path, "", f"unix:{tmp_path}/grpc.sock") as stand:
        assert (await stand.ask("/echo/a", KEY)).status == 200
        assert (await stand.ask("/echo/a")).status == 401
        assert len(stand.came()) == 1
        async with raw_client(stand.port) as client:
            await client.send(raw("GET", "/echo/ws", "app.test", *HANDSHAKE))
            assert (await client.head()).status == 401
        async with raw_client(stand.port) as client:
            await client.send(raw("GET", "/echo/ws", "app.test", KEY, *HANDSHAKE))
            assert (await client.head()).status == 101
            await client.send(b"echoed")
            assert await client.read(6) == b"echoed"
        (request,) = stand.came()
        assert request.one(b"X-Auth-Method") == b"api_key"
        assert request.all(b"X-Api-Key") == []
