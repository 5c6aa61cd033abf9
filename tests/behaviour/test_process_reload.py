"""Another config takes over while requests are served, or does not and nothing changes."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.clients.raw_http import PATIENCE
from tests.support.gateways.running import load, running, written
from tests.support.servers.recording_upstream import UpstreamSide, recording_upstream

WORKERS = pytest.mark.parametrize("workers", [1, 2])


async def held(side: UpstreamSide) -> None:
    """Answer when the test says so."""
    await side.request()
    side.upstream.arrived.set()
    await side.closed()


@WORKERS
async def test_reloads_under_load_lose_nothing(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        async with running(config) as gateway, load(gateway.port) as asked:
            for turn in range(5):
                written(tmp_path, upstream.port, listen=f", workers: {workers}", status=f"turn_{turn}")
                assert (await gateway.reload())["outcome"] == "done"
                await asked.further(50)
            assert await gateway.metric("gateway_config_reloads_total", outcome="done") == 5
            assert await gateway.metric("gateway_requests_total", route="turn_4") > 0
    assert (asked.lost, set(asked.statuses)) == ([], {200})


@WORKERS
async def test_a_broken_config_is_reported_by_its_line_and_changes_nothing(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        async with running(config) as gateway:
            config.write_text("routes:\n  - {name: nothing else}\n", encoding="utf-8")
            audited = await gateway.reload()
            assert (audited["outcome"], audited["by"]) == ("failed", "signal")
            line = await gateway.line(lambda line: "routes[0].upstream" in line.get("fault", ""))
            assert line["fault"].startswith(f"{config}:2:5: routes[0].")
            assert (await gateway.ask()).status == 200
            assert (await gateway.admin("/readyz")).status == 200
            assert await gateway.metric("gateway_config_reloads_total", outcome="failed") == 1


@WORKERS
async def test_a_config_that_cannot_be_opened_changes_nothing(tmp_path: Path, workers: int) -> None:
    """It is right by itself, but its directory has no tables: only building shows it."""
    accounts = f"""\
authorities:
  accounts: {{kind: directory, url: "sqlite:///{tmp_path}/empty.db", pepper: {"p" * 32}}}
"""
    async with recording_upstream() as upstream:
        listen = f", workers: {workers}"
        async with running(written(tmp_path, upstream.port, listen=listen)) as gateway:
            written(tmp_path, upstream.port, listen=listen, more=accounts)
            audited = await gateway.reload()
            assert audited["outcome"] == "failed"
            assert "gateway directory migrate" in audited["detail"]
            assert (await gateway.ask()).status == 200
            written(tmp_path, upstream.port, listen=listen, status="again")
            assert (await gateway.reload())["outcome"] == "done"


@WORKERS
async def test_a_request_ends_in_the_generation_that_it_began_in(tmp_path: Path, workers: int) -> None:
    async with recording_upstream(held) as slow, recording_upstream() as quick:
        listen = f", workers: {workers}"
        async with running(written(tmp_path, slow.port, listen=listen, status="before")) as gateway:
            waiting = asyncio.create_task(gateway.ask())  # noqa: TID251 - held here, and awaited
            await asyncio.wait_for(slow.arrived.wait(), PATIENCE)
            written(tmp_path, quick.port, listen=listen, status="after")
            assert (await gateway.reload())["outcome"] == "done"
            assert (await gateway.ask()).status == 200
            assert not waiting.done()
            await slow.end()
            assert (await waiting).status == 502
            line = await gateway.line(lambda line: line.get("route") == "before")
            assert line["status"] == 502


async def test_a_changed_file_is_noticed_as_kubernetes_changes_it(tmp_path: Path) -> None:
    """A ConfigMap is a link to a folder that is a link: another one takes its place in one step."""
    async with recording_upstream() as upstream:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            made = written(tmp_path / name, upstream.port, status=name)
            made.write_text(made.read_text().replace("watch: 0s", "watch: 50ms"))
        (tmp_path / "..data").symlink_to("one")
        config = tmp_path / "gateway.yaml"
        config.symlink_to("..data/gateway.yaml")
        async with running(config) as gateway:
            (tmp_path / "..next").symlink_to("two")
            (tmp_path / "..next").replace(tmp_path / "..data")
            audited = await gateway.event("config_reloaded")
            assert (audited["outcome"], audited["by"]) == ("done", "watch")
            await gateway.ask()
            await gateway.line(lambda line: line.get("route") == "two")


async def test_a_secret_in_a_file_of_its_own_is_noticed_too(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-token")
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port)
        text = config.read_text().replace("watch: 0s", "watch: 50ms")
        config.write_text(text.replace("admin_token: the-admin-token", f"admin_token_file: {token}"))
        async with running(config) as gateway:
            assert (await gateway.admin("/revoke", b'{"user": "u"}')).status == 403
            token.write_text("the-admin-token")
            await gateway.event("config_reloaded")
            assert (await gateway.admin("/revoke", b'{"user": "u"}')).status == 200


async def test_keys_that_need_a_restart_are_logged(tmp_path: Path, unused_tcp_port: int) -> None:
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port)
        async with running(config) as gateway:
            config.write_text(
                config.read_text().replace('public: "127.0.0.1:0"', f'public: "127.0.0.1:{unused_tcp_port}"')
            )
            assert (await gateway.reload())["outcome"] == "done"
            assert (await gateway.event("restart_required"))["key"] == "listen.public"
            assert (await gateway.ask()).status == 200


async def test_reloads_and_renewals_do_not_disturb_each_other(tmp_path: Path) -> None:
    config = written(tmp_path, 9, listen=", workers: 2")
    async with running(config) as gateway:
        for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR2):
            gateway.process.send_signal(number)
        await gateway.event("config_reloaded")
        await gateway.until_ready()
        assert (await gateway.reload())["outcome"] == "done"
        assert await gateway.metric("gateway_workers") == 2
