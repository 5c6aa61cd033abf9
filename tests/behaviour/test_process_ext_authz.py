"""Envoy's questions to a process: workers share its port, and no question fails for a reload, a renewal or the end."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.support.clients.authorization_client import CHECK, Asking, asking, question
from tests.support.clients.commands import gateway as command
from tests.support.gateways.running import running, until, written
from tests.support.gateways.serving import Examples, config, serving

ASKED = question("/public/").SerializeToString()


def asked_at(folder: Path, workers: int) -> Path:
    """Write a config whose gRPC port is a socket file in `folder`."""
    more = "ext_authz: {peers: [unix]}\n"
    return written(folder, 1, listen=f', workers: {workers}, grpc: "unix:{folder}/grpc"', more=more)


@contextlib.asynccontextmanager
async def asked_throughout(to: Asking) -> AsyncIterator[list[bool]]:
    """Ask again and again, and hold what was answered; whatever fails is raised at the end."""
    answers: list[bool] = []
    ended = asyncio.Event()

    async def go_on() -> None:
        while not ended.is_set():
            answers.append((await to.ask(question("/public/"))).allowed)

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(go_on())
        yield answers
        ended.set()
    assert answers
    assert all(answers)


@pytest.mark.parametrize("workers", [1, 2])
async def test_no_question_fails_when_the_config_or_the_workers_change(tmp_path: Path, workers: int) -> None:
    path = asked_at(tmp_path, workers)
    async with running(path) as gateway, asking(f"unix:{tmp_path}/grpc") as to:
        async with asked_throughout(to) as answers:
            await gateway.reload()
            if workers > 1:
                before = gateway.workers()
                gateway.process.send_signal(signal.SIGUSR2)

                async def are_others() -> bool:
                    return not set(gateway.workers()) & set(before)

                await until(are_others)
            more = len(answers) + 20

            async def went_on() -> bool:
                return len(answers) >= more

            await until(went_on)
        path.write_text(path.read_text().replace("peers: [unix]", "peers: [192.0.2.1/32]"))
        await gateway.reload()
        assert (await to.fails(CHECK, ASKED)).code() is grpc.StatusCode.PERMISSION_DENIED
        path.write_text(path.read_text().replace(f', grpc: "unix:{tmp_path}/grpc"', ""))
        await gateway.reload()
        assert (await to.fails(CHECK, ASKED)).code() is grpc.StatusCode.UNAVAILABLE, "until a restart closes it"
        assert await gateway.stop() == 0
    assert not (tmp_path / "grpc").exists()


async def test_who_asks_is_sent_elsewhere_when_the_gateway_leaves(examples: Examples, tmp_path: Path) -> None:
    listen = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "grpc": "127.0.0.1:0", "drain": "5s"}
    settings = config(1, examples.settings(tmp_path), listen=listen, ext_authz={"peers": ["127.0.0.0/8"]})
    async with serving(settings, tmp_path) as gateway, asking(f"127.0.0.1:{gateway.grpc_port}") as to:
        assert (await to.ask(question("/public/"))).allowed
        async with asyncio.TaskGroup() as group:
            group.create_task(gateway.supervisor.drain())
            await to.channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        assert (await to.fails(CHECK, ASKED)).code() is grpc.StatusCode.UNAVAILABLE


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    for package, name in (("h2", "check"), ("google", "serve")):
        hidden = tmp_path / package
        hidden.mkdir()
        (hidden / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
        path = asked_at(tmp_path, 1)
        ended = command(name, "-c", path, environment={"PYTHONPATH": f"{hidden}:."})
        assert ended.returncode == 1
        told = "listen.grpc: needs packages that are not installed: pip install 'session-gateway[grpc]'"
        assert told in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
