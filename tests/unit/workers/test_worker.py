import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config.settings import Settings
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.exposition import render, snapshot
from gateway.wiring.process import Process
from gateway.workers.control import RecordedRevocation
from gateway.workers.sockets import bind_ports, port_of
from gateway.workers.worker import Worker, front_limits
from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.gateways.serving import PROJECT_KEY, Examples, config
from tests.support.servers.recording_upstream import recording_upstream


class Serving:
    """A worker on a port of its own, without anything above it."""

    def __init__(self, folder: Path, examples: Examples, process: Process) -> None:
        self._accounts = examples.settings(folder)
        self.process = process
        ports = bind_ports(Settings.model_validate(config(9, self._accounts)).listen)
        for each in ports.admin:
            each.close()
        self.port = port_of(ports.public)
        self.worker = Worker(process, ports.public)

    def settings(self, upstream_port: int, **sections: Any) -> Settings:
        return Settings.model_validate(config(upstream_port, self._accounts, **sections))

    async def apply(self, settings: Settings, *revocations: RecordedRevocation) -> None:
        await self.worker.build(settings, revocations)
        await self.worker.swap()

    def credential(self) -> RevocationTarget:
        """Return the credential of `ask` as a target: no row of the directory is marked when it is revoked."""
        serving = next(self.worker._active.generations())
        reader = serving.sessions.readers["project_key"]
        return RevocationTarget(RevocationKind.CREDENTIAL, reader._fingerprint((PROJECT_KEY,)).hex())

    async def ask(self, key: str = PROJECT_KEY) -> RawResponse:
        return await exchange(self.port, f"GET /echo/ HTTP/1.1\r\nHost: h\r\nX-Api-Key: {key}\r\n\r\n".encode())


@pytest.fixture
async def serving(tmp_path: Path, examples: Examples) -> AsyncIterator[Serving]:
    with (tmp_path / "log").open("wb") as output:
        made = Serving(tmp_path, examples, Process(output))
        yield made
        made.worker.cut()
        await made.worker.drain(0.2)
        await made.process.close()


async def test_a_swap_changes_upstream_and_limits_on_the_port_that_stays(serving: Serving) -> None:
    async with recording_upstream() as one, recording_upstream() as other:
        await serving.apply(serving.settings(one.port))
        assert (await serving.ask()).status == 200
        await serving.apply(serving.settings(other.port, limits={"headers": 8}))
        assert (await serving.ask()).status == 200
        assert (len(one.requests), len(other.requests)) == (1, 1)
        many = "".join(f"X-{number}: 1\r\n" for number in range(9))
        refused = await exchange(serving.port, f"GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n".encode())
        assert refused.status == 431


async def test_a_generation_that_was_built_serves_nobody_until_the_swap(serving: Serving) -> None:
    async with recording_upstream() as one, recording_upstream() as other:
        await serving.apply(serving.settings(one.port))
        await serving.worker.build(serving.settings(other.port), ())
        await serving.ask()
        await serving.worker.discard()
        await serving.ask()
        assert (len(one.requests), len(other.requests)) == (2, 0)
        with pytest.raises(RuntimeError):
            await serving.worker.swap()


async def test_a_config_that_cannot_be_built_changes_nothing(serving: Serving, tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        await serving.apply(serving.settings(upstream.port))
        (tmp_path / "none.pem").write_bytes(b"")
        token = {"issuer": "gateway", "keys_file": str(tmp_path / "none.pem")}
        with pytest.raises(GatewayError, match=r"none\.pem"):
            await serving.worker.build(serving.settings(upstream.port, identity={"token": token}), ())
        assert (await serving.ask()).status == 200


async def test_a_revocation_holds_in_the_generations_that_come_after(serving: Serving) -> None:
    async with recording_upstream() as upstream:
        await serving.apply(serving.settings(upstream.port))
        assert (await serving.ask()).status == 200
        target, at = serving.credential(), serving.process.clock()
        assert await serving.worker.revoke(target)
        assert (await serving.ask()).status == 401
        await serving.apply(serving.settings(upstream.port), RecordedRevocation(target, at))
        assert (await serving.ask()).status == 401


async def test_a_revocation_reaches_a_generation_that_is_built_already(serving: Serving) -> None:
    async with recording_upstream() as upstream:
        await serving.apply(serving.settings(upstream.port))
        await serving.worker.build(serving.settings(upstream.port), ())
        await serving.worker.revoke(serving.credential())
        await serving.worker.swap()
        assert (await serving.ask()).status == 401


async def test_a_revocation_reaches_a_generation_that_is_being_built(serving: Serving) -> None:
    async with recording_upstream() as upstream:
        await serving.apply(serving.settings(upstream.port))
        building = asyncio.gather(serving.worker.build(serving.settings(upstream.port), ()))
        await asyncio.sleep(0)  # it has begun, and there is no generation yet
        assert await serving.worker.revoke(serving.credential())
        await building
        await serving.worker.swap()
        assert (await serving.ask()).status == 401


async def test_streams_and_connections_are_counted_over_all_generations(serving: Serving) -> None:
    async with recording_upstream() as upstream:
        await serving.apply(serving.settings(upstream.port))
        async with raw_client(serving.port) as client:
            await client.send(b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n")
            await client.response()
            assert (serving.worker.streams().connections, serving.worker.streams().tunnels) == (1, 0)
            assert b"gateway_client_connections 1.0" in render(snapshot(serving.process.metrics.registry))[0]


async def test_cutting_ends_a_drain_at_once(serving: Serving) -> None:
    async with recording_upstream() as upstream:
        await serving.apply(serving.settings(upstream.port))
        async with raw_client(serving.port) as client:
            await client.send(b"GET /public/ HTTP/1.1\r\nHost: h\r\n")  # and never the end of it
            draining = asyncio.gather(serving.worker.drain(600.0))
            await asyncio.sleep(0)
            serving.worker.cut()
            await asyncio.wait_for(draining, 10.0)
            assert not serving.process.ready()


def test_the_front_s_limits_are_the_config_s() -> None:
    names = ("head_bytes", "headers", "target_bytes", "head_timeout", "body_stall", "idle", "connections")
    values = {"head_bytes": 1024, "headers": 9, "target_bytes": 65, "connections": 7}
    times = {"head_timeout": "1s", "body_stall": "2s", "idle": "3s"}
    limits = Settings.model_validate({"secret": "s", "limits": {**values, **times}})
    made = front_limits(limits)
    assert {name: getattr(made, name) for name in names} == {
        **values,
        "head_timeout": 1.0,
        "body_stall": 2.0,
        "idle": 3.0,
    }
