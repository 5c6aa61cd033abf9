import asyncio

from aiohttp import web
from pytest_aiohttp import AiohttpServer
from redis.asyncio import Redis

from gateway.commands.notify import open_notifier
from gateway.config.settings import Settings
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.configs import SECRET

TARGET = RevocationTarget(RevocationKind.API_KEY, "key_1")


def settings(**keys: object) -> Settings:
    return Settings.model_validate({"secret": SECRET, **keys})


async def admin_port(serve: AiohttpServer, requests: list[tuple[str, str, object]], status: int) -> int:
    async def answer(request: web.Request) -> web.Response:
        requests.append((request.path, request.headers["Authorization"], await request.json()))
        return web.json_response({}, status=status)

    app = web.Application()
    for path in ("/revoke", "/v1/changes"):
        app.router.add_post(path, answer)
    return (await serve(app)).port or 0


async def test_revocations_and_changes_are_published_through_redis(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    listening = client.pubsub()
    await listening.subscribe("notify:news")
    await listening.get_message(timeout=5.0)
    async with open_notifier(settings(redis={"url": redis_url, "key_prefix": "notify:"})) as notifier:
        assert await notifier.revoke(TARGET)
        assert await notifier.changed(TARGET)
    messages = [await listening.get_message(ignore_subscribe_messages=True, timeout=5.0) for _ in range(2)]
    assert all(message is not None and b"key_1" not in message["data"] for message in messages)
    await listening.aclose()
    await client.aclose()


async def test_a_redis_that_cannot_be_reached_is_no_exception(unused_tcp_port: int) -> None:
    async with open_notifier(settings(redis={"url": f"redis://127.0.0.1:{unused_tcp_port}"})) as notifier:
        assert not await notifier.revoke(TARGET)


async def test_without_redis_the_admin_port_is_notified(aiohttp_server: AiohttpServer) -> None:
    requests: list[tuple[str, str, object]] = []
    port = await admin_port(aiohttp_server, requests, 200)
    async with open_notifier(settings(listen={"admin": f"0.0.0.0:{port}", "admin_token": "t"})) as notifier:
        assert await notifier.revoke(TARGET)
        assert await notifier.changed(TARGET)
    named = {"api_key": "key_1"}
    assert requests == [("/revoke", "Bearer t", named), ("/v1/changes", "Bearer t", named)]


async def test_a_gateway_that_refuses_was_not_notified(aiohttp_server: AiohttpServer) -> None:
    port = await admin_port(aiohttp_server, [], 503)
    async with open_notifier(settings(listen={"admin": f"127.0.0.1:{port}", "admin_token": "t"})) as notifier:
        assert not await notifier.revoke(TARGET)


async def test_no_gateway_and_no_token_are_no_exception(unused_tcp_port: int) -> None:
    listen = {"admin": f"127.0.0.1:{unused_tcp_port}"}
    async with open_notifier(settings(listen={**listen, "admin_token": "t"})) as notifier:
        assert not await notifier.revoke(TARGET)
    async with open_notifier(settings(listen=listen)) as notifier:
        assert not await asyncio.wait_for(notifier.revoke(TARGET), 5.0)
