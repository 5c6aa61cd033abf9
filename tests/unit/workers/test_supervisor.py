import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.config.load import LoadedConfig
from gateway.config.settings import TelemetrySettings
from gateway.config.watch import signature
from gateway.model.errors import GatewayError, Problem, SettingsError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.telemetry.merging import Snapshot
from gateway.telemetry.runtime_metrics import RuntimeMetrics
from gateway.wiring.process import Process
from gateway.workers.recent_revocations import RecentRevocations
from gateway.workers.sockets import bind_ports, port_of
from gateway.workers.supervisor import Supervisor
from gateway.workers.systemd import Notifier
from gateway.workers.worker import configure_logging
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.fakes.crews import counted, loaded

LISTEN = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_token": "t", "drain": "0s"}
SIGNAL = Actor("signal")


def config(name: str = "first", workers: int = 2, **listen: object) -> LoadedConfig:
    return loaded(workers, name, **{**LISTEN, **listen})


class Crew:
    """Notes what it was told; `fault` is what it says against the next change."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.ended: list[RevocationTarget] = []
        self.fault: GatewayError | None = None
        self.missing = 0
        self.drained: float | None = None
        self.is_cut = self.is_renewed = False

    async def change(self, changed: LoadedConfig) -> None:
        if self.fault is not None:
            raise self.fault
        self.served.append(changed.config.text)

    async def revoke(self, ended: RevocationTarget) -> bool:
        self.ended.append(ended)
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

    async def drain(self, patience: float) -> None:
        self.drained = patience


class Over:
    """A supervisor over that crew, and its admin port."""

    def __init__(self, process: Process, log: Path) -> None:
        self.crew: Any = Crew()
        ports = bind_ports(config().settings.listen)
        self.admin = port_of(ports.admin)
        self.ports = ports
        self.registry = CollectorRegistry()
        metrics = RuntimeMetrics(self.registry, process.clock)
        self.revocations = RecentRevocations(process.clock, 60.0)
        self.it = Supervisor(process, self.crew, ports, metrics, self.revocations)
        self._log = log

    async def get(self, path: str) -> RawResponse:
        return await exchange(self.admin, f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())

    async def revoke(self, token: str = "t") -> int:
        head = f"POST /revoke HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nContent-Length: 13\r\n\r\n"
        return (await exchange(self.admin, head.encode() + b'{"user": "u"}')).status

    async def reload(self, again: Callable[[], LoadedConfig]) -> None:
        await self.it.reload(again, SIGNAL, Notifier({}))

    def lines(self) -> list[dict[str, Any]]:
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
        await made.it.end()
        made.ports.close()
        await process.close()


async def test_it_is_ready_when_every_worker_serves_and_until_it_ends(over: Over) -> None:
    assert (await over.get("/readyz")).status == 200
    over.crew.missing = 1
    assert (await over.get("/readyz")).status == 503
    assert (await over.get("/healthz")).status == 200
    over.crew.missing = 0
    await over.it.end()
    assert (over.crew.drained, over.it.ready()) == (0.0, False)


async def test_metrics_are_everybody_s_and_its_own(over: Over) -> None:
    told = (await over.get("/metrics")).body
    assert b"requests_total 5.0\n" in told
    assert b"gateway_workers 2.0\n" in told


async def test_another_config_is_served_and_what_was_revoked_is_kept_for_it(over: Over) -> None:
    assert await over.revoke() == 200
    user = RevocationTarget(RevocationKind.USER, "u")
    assert over.crew.ended == [user]
    assert [each.ended for each in over.revocations.recent()] == [user]
    await over.reload(lambda: config("second", admin_token="other"))
    assert over.crew.served == ["first", "second"]
    assert (await over.revoke("t"), await over.revoke("other")) == (403, 200)
    (line,) = [line for line in over.lines() if line.get("event") == "config_reloaded"]
    assert (line["log"], line["outcome"], line["by"]) == ("audit", "done", "signal")
    assert (over.reloads("done"), over.reloads("failed")) == (1, 0)


async def test_every_problem_of_a_config_is_a_line_and_the_old_one_stays(over: Over) -> None:
    def broken() -> LoadedConfig:
        raise SettingsError([Problem("gateway.yaml", line, 3, "a.b", "is wrong") for line in (1, 2)])

    await over.reload(broken)
    faults = [line["fault"] for line in over.lines() if line.get("event") == "config_reload_failed"]
    assert faults == ["gateway.yaml:1:3: a.b: is wrong", "gateway.yaml:2:3: a.b: is wrong"]
    over.crew.fault = GatewayError("the directory has no tables")
    await over.reload(lambda: config("second"))
    assert over.crew.served == ["first"]
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
async def test_what_applies_after_a_restart_is_said(over: Over, changed: dict[str, Any], keys: list[str]) -> None:
    await over.reload(lambda: config("second", **changed))
    said = [line["key"] for line in over.lines() if line.get("event") == "restart_required"]
    assert said == keys


async def test_files_that_change_are_loaded_by_themselves(over: Over, tmp_path: Path) -> None:
    file = tmp_path / "watched"
    file.write_text("1")
    reloaded = asyncio.Event()

    def again() -> LoadedConfig:
        reloaded.set()
        made = config("again", watch="10ms")
        return LoadedConfig(made.config, made.settings, (file,), signature([file]))

    await over.reload(again)
    reloaded.clear()
    watching = asyncio.gather(over.it.watch(again, Notifier({})))
    file.write_text("22")
    await asyncio.wait_for(reloaded.wait(), 10.0)
    watching.cancel()


async def test_renewal_and_hurry_are_the_crew_s(over: Over) -> None:
    await over.it.renew()
    over.it.cut()
    assert (over.crew.is_renewed, over.crew.is_cut) == (True, True)
