"""The whole gateway as it is run in production: `gateway serve`, a credential, a rule, identity headers, metrics."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import PYTHON, ROOT, Subject, free_port, running

KEY = {"X-Api-Key": "sk_live_abc123xyz456"}
"""The example key of the demo's records; its member is an admin."""

_CONFIG = """
listen:
  {{public: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", admin_token: bench-bench-bench-bench, workers: {workers}}}
secret: bench-secret-bench-secret-bench-secret
authorities:
  accounts: {{kind: directory, url: "sqlite:///{folder}/directory.db", pepper: bench-pepper-bench-pepper-bench}}
credentials:
  project_key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
telemetry: {{access_log: {access_log}}}
limits: {{connections: 12000, connections_per_address: 12000, idle: 10m}}
routes:
{routes}
"""
_ROUTE = (
    "  - {{name: r{number}, match: {{path: {path}}}, access: required, require: {{organization_roles: [admin]}}, "
    'upstream: "http://127.0.0.1:{upstream}"}}\n'
)


@contextlib.contextmanager
def gateway(
    folder: Path, upstream_port: int, *, name: str, routes: int = 1, access_log: bool = False, workers: int = 1
) -> Iterator[Subject]:
    """Run `gateway serve` with `routes` routes, of which the last one meets every request."""
    paths = [f"/route-{number}/" for number in range(routes - 1)] + ["/"]
    text = "".join(_ROUTE.format(number=number, path=path, upstream=upstream_port) for number, path in enumerate(paths))
    values = {"routes": text, "access_log": "true" if access_log else "false", "workers": workers}
    with serving(name, folder, _CONFIG, with_directory=True, **values) as found:
        found.headers = KEY
        yield found


@contextlib.contextmanager
def serving(
    name: str, folder: Path, template: str, *, with_directory: bool = False, **values: object
) -> Iterator[Subject]:
    """Run `gateway serve` with a config of its own; a directory has the demo's records."""
    folder.mkdir(exist_ok=True)
    port, config = free_port(), folder / "gateway.yaml"
    config.write_text(template.format(**{"port": port, "admin": free_port(), "folder": folder, **values}))
    if with_directory:
        command("directory", "migrate", "-c", str(config))
        command("directory", "load", "-c", str(config), str(ROOT / "gateway/demo/records.yaml"))
    serve = [PYTHON, "-m", "gateway", "serve", "-c", str(config)]
    with running(name, serve, port) as found:
        yield found


def command(*arguments: str) -> str:
    """Run a command of ours and return what it prints; its failure is the bench's."""
    told = subprocess.run([PYTHON, "-m", "gateway", *arguments], check=False, cwd=ROOT, capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return told.stdout
