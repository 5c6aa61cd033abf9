import asyncio

from aiohttp import web
from redis.asyncio import Redis

from gateway.commands.notify import open_fleet
from gateway.config.settings import Settings
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.configs import SECRET

ENDED = RevocationTarget(RevocationKind.API_KEY, "key_1")


def settings(**keys: object) -> Settings:
    return Settings.model_validate({"secret": SECRET, **keys})


async def admin_port(seen: list[tuple[str, object]], status: int) -> tuple[web.AppRunner, int]:
    async def answer(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], await request.json()))
        return web.json_response({}, status=status)

    app = web.Application()
    app.router.add_post("/revoke", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, int(runner.addresses[0][1])


async def test_over_redis_both_kinds_of_news_are_published(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    listening = client.pubsub()
    await listening.subscribe("telling:news")
    await listening.get_message(timeout=5.0)
    async with open_fleet(settings(redis={"url": redis_url, "key_prefix": "telling:"})) as fleet:
        assert await fleet.revoke(ENDED)
        assert await fleet.changed(ENDED)
    heard = [await listening.get_message(ignore_subscribe_messages=True, timeout=5.0) for _ in range(2)]
    assert all(message is not None and b"key_1" not in message["data"] for message in heard)
    await listening.aclose()
    await client.aclose()


async def test_a_redis_that_cannot_be_reached_is_told_and_not_raised(unused_tcp_port: int) -> None:
    async with open_fleet(settings(redis={"url": f"redis://127.0.0.1:{unused_tcp_port}"})) as fleet:
        assert not await fleet.revoke(ENDED)


async def test_without_redis_the_admin_port_is_asked() -> None:
    seen: list[tuple[str, object]] = []
    runner, port = await admin_port(seen, 200)
    async with open_fleet(settings(listen={"admin": f"0.0.0.0:{port}", "admin_token": "t"})) as fleet:
        assert await fleet.revoke(ENDED)
        assert not await fleet.changed(ENDED)
    assert seen == [("Bearer t", {"api_key": "key_1"})]
    await runner.cleanup()


async def test_whoever_refuses_was_not_told() -> None:
    runner, port = await admin_port([], 503)
    async with open_fleet(settings(listen={"admin": f"127.0.0.1:{port}", "admin_token": "t"})) as fleet:
        assert not await fleet.revoke(ENDED)
    await runner.cleanup()


async def test_nobody_there_and_no_token_are_told_and_not_raised(unused_tcp_port: int) -> None:
    listen = {"admin": f"127.0.0.1:{unused_tcp_port}"}
    async with open_fleet(settings(listen={**listen, "admin_token": "t"})) as fleet:
        assert not await fleet.revoke(ENDED)
    async with open_fleet(settings(listen=listen)) as fleet:
        assert not await asyncio.wait_for(fleet.revoke(ENDED), 5.0)
