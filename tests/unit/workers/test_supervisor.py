import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.admin.fleet_hooks import FleetHooks
from gateway.config.load import LoadedConfig, file_signature
from gateway.config.settings import TelemetrySettings
from gateway.model.errors import GatewayError, Problem, SettingsError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.telemetry.exposition import Snapshot
from gateway.telemetry.metrics import WorkerGroupMetrics
from gateway.wiring.process import Process
from gateway.workers.sockets import bind_ports, port_of
from gateway.workers.supervisor import Supervisor
from gateway.workers.systemd import Notifier
from gateway.workers.worker import configure_logging
from gateway.workers.worker_group import RecentRevocations
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.fakes.fake_workers import counted, loaded

LISTEN = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_token": "t", "drain": "0s"}
SIGNAL = Actor("signal")


def config(name: str = "first", workers: int = 2, **listen: object) -> LoadedConfig:
    return loaded(workers, name, **{**LISTEN, **listen})


class FakeGroup:
    """Records its calls; `fault` is what the next `apply` raises."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.revoked: list[RevocationTarget] = []
        self.changed: list[RevocationTarget] = []
        self.fault: GatewayError | None = None
        self.missing = 0
        self.drained: float | None = None
        self.is_cut = self.is_renewed = False
        self.broken = asyncio.Event()

    async def apply(self, loaded: LoadedConfig) -> None:
        if self.fault is not None:
            raise self.fault
        self.served.append(loaded.config.text)

    def attach(self, fleet: FleetHooks) -> None:
        self.fleet = fleet

    async def revoke(self, target: RevocationTarget) -> bool:
        self.revoked.append(target)
        return True

    async def change(self, target: RevocationTarget) -> bool:
        self.changed.append(target)
        return True

    async def collect(self) -> Sequence[Snapshot]:
        return counted(2.0), counted(3.0)

    async def renew(self) -> None:
        self.is_renewed = True

    def serving(self) -> int:
        return 2 - self.missing if self.served else 0

    def wanted(self) -> int:
        return 2

    def cut(self) -> None:
        self.is_cut = True

    async def drain(self, grace: float) -> None:
        self.drained = grace


class Over:
    """A supervisor over that group, and its admin port."""

    def __init__(self, process: Process, log: Path) -> None:
        self.group: Any = FakeGroup()
        ports = bind_ports(config().settings.listen)
        self.admin = port_of(ports.admin)
        self.ports = ports
        self.registry = CollectorRegistry()
        metrics = WorkerGroupMetrics(self.registry, process.clock)
        self.revocations = RecentRevocations(process.clock, 60.0)
        self.it = Supervisor(process, self.group, ports, metrics, self.revocations)
        self._log = log
        self._process = process

    async def get(self, path: str) -> RawResponse:
        return await exchange(self.admin, f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())

    async def revoke(self, token: str = "t") -> int:
        head = f"POST /revoke HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nContent-Length: 13\r\n\r\n"
        return (await exchange(self.admin, head.encode() + b'{"user": "u"}')).status

    async def reload(self, read_config: Callable[[], LoadedConfig]) -> None:
        await self.it.reload(read_config, SIGNAL, Notifier({}))

    def lines(self) -> list[dict[str, Any]]:
        self._process.lines.close()
        return [json.loads(line) for line in self._log.read_bytes().splitlines()]

    def reloads(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("gateway_config_reloads_total", {"outcome": outcome})


@pytest.fixture
async def over(tmp_path: Path) -> AsyncIterator[Over]:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = Process(output)
        configure_logging(TelemetrySettings(), process, ())
        made = Over(process, log)
        await made.it.start(config())
        yield made
        await made.it.drain()
        made.ports.close()
        await process.close()


async def test_it_is_ready_while_every_worker_serves_and_until_it_drains(over: Over) -> None:
    assert (await over.get("/readyz")).status == 200
    over.group.missing = 1
    assert (await over.get("/readyz")).status == 503
    assert (await over.get("/healthz")).status == 200
    over.group.missing = 2
    assert (await over.get("/healthz")).status == 503
    over.group.missing = 0
    over.group.broken.set()
    assert ((await over.get("/healthz")).status, (await over.get("/readyz")).status) == (503, 503)
    over.group.broken.clear()
    await over.it.drain()
    assert (over.group.drained, over.it.ready()) == (0.0, False)


async def test_metrics_are_the_workers_and_its_own(over: Over) -> None:
    metrics = (await over.get("/metrics")).body
    assert b"requests_total 5.0\n" in metrics
    assert b"gateway_workers 2.0\n" in metrics


async def test_a_reload_serves_the_new_config_and_remembers_revocations(over: Over) -> None:
    assert await over.revoke() == 200
    user = RevocationTarget(RevocationKind.USER, "u")
    assert over.group.revoked == [user]
    assert [each.target for each in over.revocations.recent()] == [user]
    await over.reload(lambda: config("second", admin_token="other"))
    assert over.group.served == ["first", "second"]
    assert (await over.revoke("t"), await over.revoke("other")) == (403, 200)
    (line,) = [line for line in over.lines() if line.get("event") == "config_reloaded"]
    assert (line["log"], line["outcome"], line["by"]) == ("audit", "done", "signal")
    assert (over.reloads("done"), over.reloads("failed")) == (1, 0)


async def test_every_problem_of_a_config_is_logged_and_the_old_one_serves(over: Over) -> None:
    def broken() -> LoadedConfig:
        raise SettingsError([Problem("gateway.yaml", line, 3, "a.b", "is wrong") for line in (1, 2)])

    await over.reload(broken)
    faults = [line["fault"] for line in over.lines() if line.get("event") == "config_reload_failed"]
    assert faults == ["gateway.yaml:1:3: a.b: is wrong", "gateway.yaml:2:3: a.b: is wrong"]
    over.group.fault = GatewayError("the directory has no tables")
    await over.reload(lambda: config("second"))
    assert over.group.served == ["first"]
    assert (over.reloads("done"), over.reloads("failed")) == (0, 2)
    assert await over.revoke() == 200


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({}, []),
        ({"admin": "127.0.0.1:1"}, ["listen.admin"]),
        ({"public": "127.0.0.1:1", "health": "127.0.0.1:2"}, ["listen.public", "listen.health"]),
        ({"tls": {"cert_file": "a", "key_file": "b"}}, ["listen.tls"]),
        ({"drain": "1s", "watch": "0s"}, []),
    ],
)
async def test_keys_that_apply_after_a_restart_are_logged(over: Over, changed: dict[str, Any], keys: list[str]) -> None:
    await over.reload(lambda: config("second", **changed))
    logged = [line["key"] for line in over.lines() if line.get("event") == "restart_required"]
    assert logged == keys


async def test_changed_files_are_reloaded(over: Over, tmp_path: Path) -> None:
    file = tmp_path / "watched"
    file.write_text("1")
    reloaded = asyncio.Event()

    def read_config() -> LoadedConfig:
        reloaded.set()
        made = config("again", watch="10ms")
        return LoadedConfig(made.config, made.settings, (file,), file_signature([file]))

    await over.reload(read_config)
    reloaded.clear()
    watching = asyncio.gather(over.it.watch(read_config, Notifier({})))
    file.write_text("22")
    await asyncio.wait_for(reloaded.wait(), 10.0)
    watching.cancel()


async def test_renewal_and_cutting_are_the_group_s(over: Over) -> None:
    await over.it.renew()
    over.it.cut()
    assert (over.group.is_renewed, over.group.is_cut) == (True, True)
