"""Print what a session-info answer costs on a warm cache, beside a bare llhttp server's static answer.

Run by `make bench` after the table of carried requests; CPU time of the answering process, in turns.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.signing import KeyRing
from tests.bench.full import KEY, command, serving
from tests.bench.load import Shape, cost, ratio, require_tools, table
from tests.bench.processes import PYTHON, ROOT, Subject, free_port, running

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
PAIR = {"X-User-Id": "rbAXPnMktTFbNpwtJ", "X-Auth-Token": "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE"}


def main(seconds: int = 4, rounds: int = 3) -> None:
    """Measure and print."""
    require_tools()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        asked = list(_rows(stack, Path(name)))
        for _ in range(rounds):
            for subject, path in asked:
                spent = cost(subject, Shape(subject.name, path, 64), seconds)
                taken.setdefault(subject.name, []).append(spent)
    least = taken[asked[0][0].name]
    table(
        "an answer of our own", ["microseconds of CPU"], [(name, [ratio(each, least)]) for name, each in taken.items()]
    )


def _rows(stack: contextlib.ExitStack, folder: Path) -> Iterator[tuple[Subject, str]]:
    """Start one process for each row, so that none warms another's."""
    port = free_port()
    command = [PYTHON, str(ROOT / "tests/bench/static.py"), str(port)]
    yield stack.enter_context(running("bare llhttp, a static answer", command, port)), "/"
    for dialect, path in (("composio", "/api/v3/auth/session/info"), ("memghost", "/auth/session")):
        yield stack.enter_context(example_gateway(folder / dialect, dialect)), path
    name = "rocketchat, another session, from SQLite"
    yield stack.enter_context(example_gateway(folder / "rocketchat", name)), _ASKED


@contextlib.contextmanager
def example_gateway(folder: Path, name: str) -> Iterator[Subject]:
    """Run a gateway with the example records; `name` says whose credential goes with each request to it."""
    folder.mkdir()
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    with serving(name, folder, _CONFIG, with_directory=True) as found:
        found.headers = {"composio": KEY, "memghost": _bearer(folder)}.get(name, PAIR)
        yield found


def _bearer(folder: Path) -> dict[str, str]:
    token = command("directory", "token", "-c", f"{folder}/gateway.yaml", "--session", _SESSION)
    return {"Authorization": f"Bearer {token.strip()}"}


if __name__ == "__main__":
    main()
