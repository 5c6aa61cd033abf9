"""Print what a gateway weighs: at its start, under load, full of sessions; and what a session weighs in Redis.

The figures of docs/CAPACITY.md, and of the requests in deploy/kubernetes. Takes some minutes; needs nginx and wrk.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import processes
from tests.bench.full import serving
from tests.bench.processes import Subject, find, free_port
from tests.bench.redis_footprint import redis_rows
from tests.bench.tokens import ISSUER, Issuer, issuer
from tests.support.servers import redis_server

_SESSIONS = 100_000
_PORTION = 5_000
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
  tokens:
    {{kind: jwt, issuer: "{issuer}", audience: bench, jwks_url: "http://127.0.0.1:{jwks}/jwks", algorithms: [EdDSA]}}
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
        by = stack.enter_context(issuer(folder / "issuer"))
        values = {"redis": redis.url, "upstream": upstream, "jwks": by.port, "issuer": ISSUER}
        for label, figure in itertools.chain(
            _with_keys(folder / "keys", values), _with_tokens(folder / "tokens", values, by), redis_rows(redis)
        ):
            sys.stdout.write(f"| {label:60} | {figure:9,.1f} |\n")
            sys.stdout.flush()


def _with_keys(folder: Path, values: dict[str, object]) -> Iterator[tuple[str, float]]:
    with _gateway(folder, _KEYS, values) as gateway:
        yield "SQLite directory: MiB after the start", gateway.mebibytes()
        yield "... seconds of CPU until it serves", gateway.subject.cpu_seconds()
        gateway.load(10, "-H", "X-Api-Key: sk_live_abc123xyz456")
        yield "... MiB at most, after 10 s of load", gateway.mebibytes("VmHWM")


def _with_tokens(folder: Path, values: dict[str, object], by: Issuer) -> Iterator[tuple[str, float]]:
    with _gateway(folder, _TOKENS, values) as gateway:
        idle = gateway.mebibytes()
        yield "tokens, no directory: MiB after the start", idle
        yield "... seconds of CPU until it serves", gateway.subject.cpu_seconds()
        tokens = [by.token(number) for number in range(_SESSIONS)]
        gateway.load(10, "-H", f"Authorization: Bearer {tokens[0]}")
        loaded = gateway.mebibytes()
        yield "... MiB at most, after 10 s of load", gateway.mebibytes("VmHWM")
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


@contextlib.contextmanager
def _gateway(folder: Path, parts: str, values: dict[str, object]) -> Iterator[Footprint]:
    admin = free_port()
    template = _ADMIN + _COMMON + parts
    with serving("the gateway", folder, template, with_directory=parts is _KEYS, admin=admin, **values) as subject:
        yield Footprint(subject, admin)


if __name__ == "__main__":
    main()
