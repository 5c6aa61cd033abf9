"""What is measured: processes that listen on loopback, each started from a config in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("GATEWAY_BENCH_PYTHON", sys.executable)
"""What the gateway runs on: a CPython that was built with profiles, as the image's is, takes a fifth less."""
_PATIENCE = 15.0
_NGINX_FOLDERS = "".join(
    f"{kind}_temp_path {{folder}}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
NGINX = (
    "daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
    "events {{ worker_connections 4096; }}\n"
    "http {{ access_log off; keepalive_requests 100000000; client_max_body_size 0;\n" + _NGINX_FOLDERS
)
_UPSTREAM = (
    NGINX
    + """server {{ listen 127.0.0.1:{port} backlog=4096;
  location / {{ default_type application/json; return 200 '{{"ok":true,"items":[1,2,3]}}'; }}
  location /big {{ alias {folder}/big; }} }} }}"""
)
_KEPT = (
    NGINX
    + """upstream kept {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{port} backlog=4096;
  location / {{ proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}"""
)


@dataclass
class Subject:
    """One running program. `headers` go with each request to it."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    headers: dict[str, str] = field(default_factory=dict)

    def cpu_seconds(self) -> float:
        """CPU time of the whole process tree so far, as the kernel's scheduler counts it (not in ticks)."""
        return sum(_thread_nanoseconds(pid) for pid in self.tree()) / 1e9

    def tree(self) -> list[int]:
        """Return the ids of the process and its descendants."""
        return _tree(self.process.pid)


def find(program: str) -> str | None:
    """Return where a program is: beside this Python, on PATH, built by `make e2e-go`, or where Debian keeps servers."""
    built = map(str, (ROOT / "build/tools").glob("*"))
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), *built, "/usr/sbin"])
    return shutil.which(program, path=places)


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[Subject]:
    """Start a program, wait until it listens on `port`, and stop it at the end."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}, cwd=ROOT
    )
    try:
        _await_port(process, name, port)
        yield Subject(name, port, process)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


@contextlib.contextmanager
def upstream(folder: Path) -> Iterator[Subject]:
    """nginx, answering by itself: a small JSON, and 1 MiB at `/big`."""
    folder.mkdir()
    (folder / "big").write_bytes(os.urandom(1 << 20))
    with nginx("upstream", _UPSTREAM, folder) as found:
        yield found


@contextlib.contextmanager
def nginx_kept(folder: Path, upstream_port: int) -> Iterator[Subject]:
    """nginx, tuned to keep its upstream connections."""
    with nginx("nginx, upstream keepalive", _KEPT, folder, upstream=upstream_port) as found:
        yield found


@contextlib.contextmanager
def featureless(upstream_port: int) -> Iterator[Subject]:
    """Our front and forwarding behind an endpoint that allows everything."""
    port = free_port()
    command = [PYTHON, "-m", "tests.bench.featureless", str(port), str(upstream_port)]
    with running("this gateway, no features", command, port) as found:
        yield found


@contextlib.contextmanager
def nginx(name: str, template: str, folder: Path, **values: object) -> Iterator[Subject]:
    """Run one worker with a config that begins as NGINX does; `values` are put into it."""
    port = free_port()
    config = written(folder, "nginx.conf", template, port=port, **values)
    with running(name, [find("nginx") or "", "-c", str(config), "-p", str(folder)], port) as found:
        yield found


def written(folder: Path, name: str, template: str, **values: object) -> Path:
    """Write a config into its folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(template.format(folder=folder, **values))
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await_port(process: subprocess.Popen[bytes], name: str, port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"{name} does not start")


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in _tree(int(child)))]


def _thread_nanoseconds(pid: int) -> int:
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
