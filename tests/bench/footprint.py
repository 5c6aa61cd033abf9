"""Print what a gateway weighs: idle, under load, full of sessions; a connection; a session in Redis.

The figures of deploy/CAPACITY.md, and of the requests in deploy/kubernetes. Takes some minutes; needs nginx and wrk.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import processes
from tests.bench.full import directory_command
from tests.bench.processes import ROOT, Subject, find, free_port, running
from tests.bench.redis_footprint import redis_rows
from tests.support import redis_server
from tests.support.issuer import EC_KEY, jwk, sign

_SESSIONS = 100_000
_PORTION = 5_000
_CONNECTIONS = 5_000
_AT_ONCE = 64
_ADMIN = 'listen: {{public: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}"}}\n'
_COMMON = """
secret: bench-secret-bench-secret-bench-secret
redis: {{url: "{redis}", timeout: 1s}}
cache: {{fresh: 1h}}
routes: [{{name: all, match: {{path: /}}, access: required, upstream: "http://127.0.0.1:{upstream}"}}]
"""
_TOKENS = """
authorities:
  tokens: {{kind: jwt, issuer: "https://id.example.com", audience: gateway, algorithms: [ES256], jwks_url: "{jwks}"}}
credentials: {{token: {{kind: bearer, authority: tokens}}}}
"""
_KEYS = """
authorities:
  accounts: {{kind: directory, url: "sqlite:///{folder}/directory.db", pepper: bench-pepper-bench-pepper-bench}}
credentials: {{key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}}}
"""
_EVERY_TOKEN = """
local tokens, at = {}, 0
for line in io.lines("%s") do tokens[#tokens + 1] = line end
request = function()
  at = at %% #tokens + 1
  return wrk.format("GET", "/small", {Authorization = "Bearer " .. tokens[at]})
end
"""


class Footprint:
    """A gateway that is measured."""

    def __init__(self, subject: Subject, admin: int) -> None:
        self.subject = subject
        self._admin = admin

    def mebibytes(self, what: str = "VmRSS") -> float:
        """Return the resident memory now, or (VmHWM) at its highest."""
        status = Path(f"/proc/{self.subject.process.pid}/status").read_text()
        return int(re.findall(rf"{what}:\s+(\d+) kB", status)[0]) / 1024

    def sessions(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._admin}/metrics") as told:
            return int(float(re.findall(r"(?m)^gateway_memory_sessions (\S+)", told.read().decode())[0]))

    def load(self, seconds: int, *options: str) -> None:
        """Ask as fast as one core can."""
        url = f"http://127.0.0.1:{self.subject.port}/small"
        command = [find("wrk") or "", "-t1", f"-c{_AT_ONCE}", f"-d{seconds}s", *options, url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in told or "Socket errors" in told:
            raise SystemExit(told)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        redis = stack.enter_context(redis_server.running(redis_server.program()))
        upstream = stack.enter_context(processes.upstream(folder / "upstream")).port
        values = {"redis": redis.url, "upstream": upstream, "jwks": stack.enter_context(_key_set())}
        for label, figure in itertools.chain(
            _with_keys(folder / "keys", values), _with_tokens(folder / "tokens", values), redis_rows(redis)
        ):
            sys.stdout.write(f"| {label:60} | {figure:9,.1f} |\n")
            sys.stdout.flush()


def _with_keys(folder: Path, values: dict[str, object]) -> Iterator[tuple[str, float]]:
    with _gateway(folder, _KEYS, values) as gateway:
        yield "SQLite directory: MiB after the start", gateway.mebibytes()
        yield "... seconds of CPU until it serves", gateway.subject.cpu_seconds()
        gateway.load(10, "-H", "X-Api-Key: sk_live_abc123xyz456")
        yield "... MiB at most, after 10 s of load", gateway.mebibytes("VmHWM")


def _with_tokens(folder: Path, values: dict[str, object]) -> Iterator[tuple[str, float]]:
    with _gateway(folder, _TOKENS, values) as gateway:
        idle = gateway.mebibytes()
        yield "tokens, no directory: MiB after the start", idle
        yield "... seconds of CPU until it serves", gateway.subject.cpu_seconds()
        tokens = [_token(number) for number in range(_SESSIONS)]
        gateway.load(10, "-H", f"Authorization: Bearer {tokens[0]}")
        loaded = gateway.mebibytes()
        yield "... MiB at most, after 10 s of load", gateway.mebibytes("VmHWM")
        opened = asyncio.run(_open_connections(gateway, tokens[0]))
        yield f"... an idle connection, of {_CONNECTIONS:,}: KiB", opened
        for first in range(0, _SESSIONS, _PORTION):
            _show(gateway, folder, tokens[: first + _PORTION], first)
        yield f"... MiB with {_SESSIONS:,} sessions of tokens", gateway.mebibytes()
        yield "... MiB at most", gateway.mebibytes("VmHWM")
        yield "... a session of a token: bytes", (gateway.mebibytes() - loaded) * 2**20 / _SESSIONS


def _show(gateway: Footprint, folder: Path, tokens: list[str], known: int) -> None:
    """Show the gateway the tokens that it does not know yet, until it does."""
    (folder / "tokens").write_text("\n".join(tokens[known:]))
    (folder / "every.lua").write_text(_EVERY_TOKEN % (folder / "tokens"))
    while gateway.sessions() < len(tokens):
        gateway.load(4, "-s", str(folder / "every.lua"))


async def _open_connections(gateway: Footprint, token: str) -> float:
    """Return KiB of resident memory for each connection that has had a request and waits for another."""
    before = gateway.mebibytes()
    request = f"GET /small HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    writers = []
    for _ in range(_CONNECTIONS):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.subject.port)
        writer.write(request)
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    return (gateway.mebibytes() - before) * 1024 / len(writers)


@contextlib.contextmanager
def _gateway(folder: Path, parts: str, values: dict[str, object]) -> Iterator[Footprint]:
    folder.mkdir()
    port, admin, config = free_port(), free_port(), folder / "gateway.yaml"
    config.write_text((_ADMIN + _COMMON + parts).format(port=port, admin=admin, folder=folder, **values))
    if parts is _KEYS:
        directory_command("migrate", "-c", str(config))
        directory_command("load", "-c", str(config), str(ROOT / "gateway/demo/records.yaml"))
    command = [sys.executable, "-m", "gateway", "serve", "-c", str(config)]
    with running("the gateway", command, port) as subject:
        yield Footprint(subject, admin)


def _token(number: int) -> str:
    now = int(time.time())  # noqa: TID251 - a bench is a program of its own
    claims = {"iss": "https://id.example.com", "aud": "gateway", "iat": now, "exp": now + 3600, "org_id": "org_1"}
    return sign(claims | {"sub": f"user-{number}", "sid": f"s-{number}", "email": f"u{number}@example.com"}, kid="k1")


@contextlib.contextmanager
def _key_set() -> Iterator[str]:
    """Serve the issuer's keys; yield their URL."""
    document = json.dumps({"keys": [jwk(EC_KEY, "k1")]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    main()
