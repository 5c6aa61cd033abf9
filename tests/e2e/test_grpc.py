"""gRPC behind the Envoy of deploy/grpc, which asks the gateway about every call: a real server and a real client.

Asked over HTTP, as that config has it, and over gRPC.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from ruamel.yaml import YAML

from gateway.commands.front_config import front
from tests.support.clients.raw_http import PATIENCE
from tests.support.gateways.proxy_stand import asked_port, door_of
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, USER_KEY, Examples, Gateway, config, serving
from tests.support.repository import DEPLOY
from tests.support.servers.proxies import KINDS, OVER_GRPC, running_proxy

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = (("x-api-key", PROJECT_KEY),)
CALL = b"POST /example.Caller/Who HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
READY = CALL + b"X-Api-Key: " + PROJECT_KEY.encode() + b"\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\0\0\0\0\0"


def served() -> tuple[grpc.Server, int]:
    """Run the server of deploy/grpc on a port of its own."""
    spec = importlib.util.spec_from_file_location("grpc_server", DEPLOY / "grpc/server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server, port = module.served("127.0.0.1:0")
    return server, port


class Stand:
    """The client's channel to Envoy, and the gateway that Envoy asks."""

    def __init__(self, channel: grpc.aio.Channel, gateway: Gateway) -> None:
        self.channel = channel
        self.gateway = gateway

    async def who(self, *metadata: tuple[str, str]) -> dict[str, str]:
        call = self.channel.unary_unary("/example.Caller/Who")
        told: dict[str, str] = json.loads(await call(b"", metadata=metadata, timeout=PATIENCE))
        return told

    async def refused(self, path: str, *metadata: tuple[str, str]) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self.channel.unary_unary(path)(b"", metadata=metadata, timeout=PATIENCE)
        return raised.value


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["envoy", OVER_GRPC])
async def stand(
    request: pytest.FixtureRequest, examples: Examples, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stand]:
    server, app = served()
    folder = tmp_path_factory.mktemp("grpc")
    at = f"http://127.0.0.1:{app}"
    routes = [
        {"name": "health", "match": {"path": "/grpc.health.v1.Health/"}, "access": "public", "upstream": at},
        {"name": "admin", "match": {"path": "/example.Admin/"}, "require": {"roles": ["admin"]}, "upstream": at},
        {"name": "calls", "match": {"path": "/example.Caller/"}, "upstream": at},
    ]
    settings = config(app, examples.settings(folder), routes=routes, **door_of(request.param))
    text = (DEPLOY / "grpc/envoy.yaml").read_text(encoding="utf-8")
    try:
        async with serving(settings, folder) as gateway:
            if request.param == OVER_GRPC:
                YAML(typ="safe", pure=True).dump(settings, folder / "gateway.yaml")
                at = f"127.0.0.1:{gateway.grpc_port}"
                text = front(folder / "gateway.yaml", "envoy", at, grpc=True, asks_by_grpc=True).output + "\n"
            proxy = running_proxy(
                request.param,
                folder,
                asked_port(request.param, gateway),
                app,
                READY,
                {KINDS[request.param].files[0]: text},
            )
            async with proxy as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Stand(channel, gateway)
    finally:
        server.stop(None)


async def test_a_call_with_a_key_arrives_with_who_is_calling(stand: Stand) -> None:
    told = await stand.who(*KEY, ("x-user-id", "forged"), ("x-org-id", "forged"), ("remote-user", "forged"))
    assert told["x-auth-method"] == "api_key"
    assert told["x-api-key-id"]
    assert "forged" not in told.values()
    assert PROJECT_KEY not in told.values()
    assert (await stand.who(("x-user-api-key", USER_KEY)))["x-api-key-id"] != told["x-api-key-id"]


async def test_a_call_without_one_or_with_a_bad_one_never_arrives(stand: Stand) -> None:
    for metadata in ((), (("x-api-key", "made-up"),)):
        error = await stand.refused("/example.Caller/Who", *metadata)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        words = "Authentication is required, or the credential is not valid."
        assert words in (error.details() or "")
        assert error.details() == words or not stand.gateway.grpc_port, "asked over gRPC it answers in gRPC's words"
    error = await stand.refused("/example.Admin/Drop", ("x-api-key", MEMBER_KEY))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    error = await stand.refused("/other.Service/Call", *KEY)
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_public_service_needs_none(stand: Stand) -> None:
    check = stand.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert await check(b"", timeout=PATIENCE) == b"\x08\x01"


async def test_streams_statuses_and_trailers_are_carried_both_ways(stand: Stand) -> None:
    counting = stand.channel.unary_stream("/example.Caller/Count")(b"3", metadata=KEY, timeout=PATIENCE)
    assert [message async for message in counting] == [b"0", b"1", b"2"]
    assert ("x-counted", "3") in tuple(await counting.trailing_metadata())
    echoing = stand.channel.stream_stream("/example.Caller/Echo")(metadata=KEY, timeout=PATIENCE)
    for message in (b"one", b"two"):
        await echoing.write(message)
        assert await echoing.read() == message  # while the call is still being made
    await echoing.done_writing()
    error = await stand.refused("/example.Caller/Fail", *KEY)
    assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "the application says no")


async def test_a_stream_without_a_key_never_begins(stand: Stand) -> None:
    echoing = stand.channel.stream_stream("/example.Caller/Echo")(timeout=PATIENCE)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await echoing.read()
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
