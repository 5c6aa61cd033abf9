"""Print what a session-info answer costs on a warm cache, beside a bare aiohttp server's static answer.

Run by `make bench` after the table of carried requests; CPU time of the answering process, in turns.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.signing import KeyRing
from tests.bench.full import directory_command
from tests.bench.processes import ROOT, Subject, free_port, running
from tests.bench.run import Shape, cost

_CONFIG = """
listen: {{public: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}"}}
secret: bench-secret-bench-secret-bench-secret
cache: {{fresh: 10m}}
authorities:
  accounts:
    kind: directory
    url: "sqlite:///{folder}/directory.db"
    pepper: bench-pepper-bench-pepper-bench
    tokens: {{issuer: "http://bench", audience: gateway, keys_file: "{folder}/keys.pem"}}
credentials:
  project_key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
  token: {{kind: bearer, authority: accounts}}
  pair: {{kind: token_pair, user_header: x-user-id, token_header: x-auth-token, authority: accounts}}
session_info:
  - {{dialect: composio, credentials: [project_key]}}
  - {{dialect: memghost, credentials: [token]}}
  - {{dialect: rocketchat, credentials: [pair]}}
telemetry: {{access_log: false}}
"""
_SESSION = "123e4567-e89b-12d3-a456-426614174000"
_ASKED = "/api/v1/sessions/info?sessionId=QoYYFw2t9oKks2niG"
_PAIR = {"X-User-Id": "rbAXPnMktTFbNpwtJ", "X-Auth-Token": "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE"}


def main(seconds: int = 4, rounds: int = 3) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        rows = list(_rows(stack, folder))
        costs: dict[str, list[float]] = {subject.name: [] for subject, _ in rows}
        for _ in range(rounds):
            for subject, path in rows:
                costs[subject.name].append(cost(subject, Shape(subject.name, path, 64), folder / "none", seconds))
    sys.stdout.write(
        f"\n| {'an answer of our own, microseconds of CPU':40} | (ratio)        |\n|{'-' * 42}|{'-' * 15}:|\n"
    )
    least = median(costs[rows[0][0].name])
    for name, each in costs.items():
        sys.stdout.write(f"| {name:40} | {median(each):7.1f} ({median(each) / least:4.2f}) |\n")


def _rows(stack: contextlib.ExitStack, folder: Path) -> Iterator[tuple[Subject, str]]:
    """Start one process for each row, so that none warms another's."""
    port = free_port()
    command = [sys.executable, str(ROOT / "tests/bench/static.py"), str(port)]
    yield stack.enter_context(running("bare aiohttp, a static answer", command, port)), "/"
    for dialect, path in (("composio", "/api/v3/auth/session/info"), ("memghost", "/auth/session")):
        yield stack.enter_context(example_gateway(folder / dialect, dialect)), path
    name = "rocketchat, another session, from SQLite"
    yield stack.enter_context(example_gateway(folder / "rocketchat", name)), _ASKED


@contextlib.contextmanager
def example_gateway(folder: Path, name: str) -> Iterator[Subject]:
    """Run a gateway with the example records; `name` says whose credential goes with each request to it."""
    folder.mkdir()
    port, config = free_port(), folder / "gateway.yaml"
    config.write_text(_CONFIG.format(port=port, admin=free_port(), folder=folder))
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    directory_command("migrate", "-c", str(config))
    directory_command("load", "-c", str(config), str(ROOT / "gateway/demo/records.yaml"))
    headers = {"composio": {"X-Api-Key": "sk_live_abc123xyz456"}, "memghost": {}}.get(name, _PAIR)
    if name == "memghost":
        told = subprocess.run(
            [sys.executable, "-m", "gateway", "directory", "token", "-c", str(config), "--session", _SESSION],
            check=True,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        headers = {"Authorization": f"Bearer {told.stdout.strip()}"}
    command = [sys.executable, "-m", "gateway", "serve", "-c", str(config)]
    with running(name, command, port, headers) as found:
        yield found


if __name__ == "__main__":
    main()
