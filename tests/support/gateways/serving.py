"""The whole gateway on real ports, within the test's own loop: a config, a directory of the examples, an upstream."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from gateway.authorities.directory import DirectorySettings, open_peppers, open_tokens
from gateway.config.load import ConfigText, LoadedConfig
from gateway.config.settings import Settings
from gateway.directory.loading import load_records
from gateway.directory.migrating import migrate
from gateway.directory.operations.session_operations import sign_token
from gateway.directory.schema import open_current
from gateway.signing import KeyRing
from gateway.telemetry.logging import configure
from gateway.telemetry.metrics import WorkerGroupMetrics
from gateway.wiring.clock import wall_clock
from gateway.wiring.process import Process
from gateway.workers.sockets import Ports, Sockets, bind_ports, places_of, port_of
from gateway.workers.supervisor import Supervisor
from gateway.workers.worker import Worker
from gateway.workers.worker_group import RecentRevocations, SingleProcess
from tests.support.repository import ROOT
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

RECORDS = ROOT / "gateway/demo/records.yaml"
ADMIN_TOKEN = "the-admin-token"
PROJECT_KEY = "sk_live_abc123xyz456"
USER_KEY = "uk_live_abc123xyz456"
ORGANIZATION_KEY = "ok_live_abc123xyz456"
MEMBER_KEY = "sk_live_def456uvw789"
USER_ID = "rbAXPnMktTFbNpwtJ"
LOGIN_TOKEN = "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE"
BEARER_SESSION = "123e4567-e89b-12d3-a456-426614174000"
COOKIE_SESSION = "session_987654321"

IDENTITY = (
    b"X-Session-Id",
    b"X-User-Id",
    b"X-User-Email",
    b"X-User-Name",
    b"X-User-Roles",
    b"X-Org-Id",
    b"X-Org-Name",
    b"X-Org-Role",
    b"X-Workspace-Id",
    b"X-Project-Id",
    b"X-Api-Key-Id",
    b"X-Auth-Method",
    b"X-Identity-Token",
)
"""The identity headers that an upstream is told by default, and that of the signed token."""

ADMINS: dict[str, Any] = {
    "any_of": [{"roles": ["admin"]}, {"organizations": ["org_abc123xyz456"], "organization_roles": ["admin"]}]
}
"""Who may pass to `/admin/`, as in the demo: the project key's owner is an admin of one organization."""

READERS: dict[str, dict[str, Any]] = {
    "project_key": {"kind": "api_key", "header": "x-api-key", "type": "project", "authority": "accounts"},
    "user_key": {"kind": "api_key", "header": "x-user-api-key", "type": "user", "authority": "accounts"},
    "org_key": {"kind": "api_key", "header": "x-org-api-key", "type": "organization", "authority": "accounts"},
    "token": {"kind": "bearer", "authority": "accounts"},
    "cookie": {"kind": "cookie", "name": "__session", "authority": "accounts"},
    "pair": {"kind": "token_pair", "user_header": "x-user-id", "token_header": "x-auth-token", "authority": "accounts"},
}


class Examples:
    """A directory with the documents' records, made once and copied for each gateway that wants one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def settings(self, folder: Path) -> dict[str, Any]:
        """Return the config of an authority on a fresh copy in `folder`."""
        for name in ("directory.db", "keys.pem"):
            shutil.copy(self._folder / name, folder / name)
        return self.described(folder)

    async def make(self) -> None:
        (self._folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
        settings = DirectorySettings.model_validate(self.described(self._folder))
        url = settings.url.get_secret_value()
        await migrate(url)
        async with open_current(url) as directory:
            await load_records(directory, open_peppers(settings), RECORDS, _nobody_listens)

    @staticmethod
    def described(folder: Path) -> dict[str, Any]:
        """Return the config of an authority on the directory that is in `folder` already."""
        return {
            "kind": "directory",
            "url": f"sqlite:///{folder}/directory.db",
            "pepper": "a-pepper",
            "timeout": "60s",  # a busy machine is no fault of the directory
            "tokens": {"issuer": "http://gateway.test", "audience": "gateway", "keys_file": f"{folder}/keys.pem"},
        }


async def _nobody_listens(_: object) -> None:
    pass


class Gateway:
    """A running gateway, its upstream, and credentials of the example records."""

    def __init__(self, supervisor: Supervisor, worker: Worker, process: Process, log: Path) -> None:
        ports = supervisor.ports
        self.places = places_of(ports.public)
        self.port, self.admin_port = (_port_or_none(sockets) for sockets in (ports.public, ports.admin))
        self.grpc_port = _port_or_none(ports.grpc) if ports.grpc else 0
        self.supervisor = supervisor
        self.worker = worker
        self.process = process
        self.bearer = ""
        self.cookie = ""
        self._log = log

    def showing(self, kind: str) -> bytes:
        """Return the header lines that show one kind of credential."""
        lines = {
            "project key": f"X-Api-Key: {PROJECT_KEY}",
            "member's key": f"X-Api-Key: {MEMBER_KEY}",
            "user key": f"X-User-Api-Key: {USER_KEY}",
            "organization key": f"X-Org-Api-Key: {ORGANIZATION_KEY}",
            "bearer": f"Authorization: Bearer {self.bearer}",
            "cookie": f"Cookie: theme=dark; __session={self.cookie}; lang=en",
            "pair": f"X-User-Id: {USER_ID}\r\nX-Auth-Token: {LOGIN_TOKEN}",
            "nobody": "X-Nothing: to see",
        }
        return lines[kind].encode()

    def log(self) -> bytes:
        """Return every line that was written so far."""
        self.process.lines.close()
        return self._log.read_bytes()


def _port_or_none(sockets: Sockets) -> int:
    return 0 if places_of(sockets)[0].startswith("unix:") else port_of(sockets)


def config(upstream_port: int, accounts: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return a config with every reader and the demo's four routes; `sections` replace its own."""
    upstream = f"http://127.0.0.1:{upstream_port}"
    return {
        "listen": {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_token": ADMIN_TOKEN}
        | {"admin_hosts": ["gateway.test"]},
        "secret": "a-secret-of-the-tests-that-is-long-enough",
        "authorities": {"accounts": accounts},
        "credentials": READERS,
        "routes": [
            {"name": "echo", "match": {"path": "/echo/"}, "upstream": upstream},
            {"name": "public", "match": {"path": "/public/"}, "access": "public", "upstream": upstream},
            {"name": "optional", "match": {"path": "/optional/"}, "access": "optional", "upstream": upstream},
            {"name": "admin", "match": {"path": "/admin/"}, "require": ADMINS, "upstream": upstream},
        ],
        **sections,
    }


@contextlib.asynccontextmanager
async def serving(
    settings: dict[str, Any], folder: Path, prepare: Callable[[Process], None] = lambda _: None
) -> AsyncIterator[Gateway]:
    """Run a gateway of `settings`, on ports of its own, until the end; its log is written in `folder`.

    `prepare` is handed the process before there is a generation in it.
    """
    read = Settings.model_validate({**settings, "listen": {"drain": "500ms", **settings.get("listen", {})}})
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = Process(output)
        prepare(process)
        ports = bind_ports(read.listen)
        worker = Worker(process, ports.public, ports.grpc)
        supervisor = alone(process, worker, ports)
        try:
            await supervisor.start(LoadedConfig(ConfigText("gateway.yaml", ""), read))
            gateway = Gateway(supervisor, worker, process, log)
            await _sign(gateway, read)
            yield gateway
        finally:
            supervisor.cut()  # the test is over: nobody is under way whom the gateway would have to wait for
            await supervisor.drain()
            ports.close()
            await process.close()
            unconfigure_logging()


def unconfigure_logging() -> None:
    """Let the next test's log lines go where they went before: this gateway's stream is closed."""
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if type(handler).__module__ == configure.__module__]:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)


def alone(process: Process, worker: Worker, ports: Ports) -> Supervisor:
    """Return a supervisor of one worker in this process."""
    metrics = WorkerGroupMetrics(CollectorRegistry(), process.clock)
    revocations = RecentRevocations(process.clock, 60.0)
    return Supervisor(process, SingleProcess(process, worker, revocations), ports, metrics, revocations)


async def _sign(gateway: Gateway, settings: Settings) -> None:
    """Issue tokens for the examples' sessions, where the config has a directory that does."""
    accounts = settings.authorities.get("accounts")
    tokens = open_tokens(accounts, wall_clock) if isinstance(accounts, DirectorySettings) else None
    if tokens is None:
        return
    now = datetime.now(UTC)
    async with open_current(accounts.url.get_secret_value()) as directory:
        gateway.bearer = await sign_token(directory, tokens, BEARER_SESSION, "bearer", now)
        gateway.cookie = await sign_token(directory, tokens, COOKIE_SESSION, "cookie", now)


@contextlib.asynccontextmanager
async def serving_examples(
    examples: Examples, folder: Path, **sections: Any
) -> AsyncIterator[tuple[Gateway, RecordingUpstream]]:
    """Run a gateway on the example records, in front of an upstream that records what it is sent."""
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, examples.settings(folder), **sections), folder) as gateway,
    ):
        yield gateway, upstream
