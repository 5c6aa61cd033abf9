"""The whole gateway as it is run in production: `gateway serve`, an API key, a role rule, identity headers, metrics."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import ROOT, Subject, free_port, running

_KEY = "sk_live_abc123xyz456"
"""The example key of the demo's records; its member is an admin."""

_CONFIG = """
listen: {{public: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", admin_token: bench-bench-bench-bench}}
secret: bench-secret-bench-secret-bench-secret
authorities:
  accounts: {{kind: directory, url: "sqlite:///{folder}/directory.db", pepper: bench-pepper-bench-pepper-bench}}
credentials:
  project_key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
telemetry: {{access_log: {access_log}}}
routes:
{routes}
"""
_ROUTE = (
    "  - {{name: r{number}, match: {{path: {path}}}, access: required, require: {{roles: [admin]}}, "
    'upstream: "http://127.0.0.1:{upstream}"}}\n'
)


@contextlib.contextmanager
def gateway(
    folder: Path, upstream_port: int, *, name: str, routes: int = 1, access_log: bool = False
) -> Iterator[Subject]:
    """Run `gateway serve` with `routes` routes, of which the last one meets every request."""
    folder.mkdir()
    port, config = free_port(), folder / "gateway.yaml"
    paths = [f"/route-{number}/" for number in range(routes - 1)] + ["/"]
    text = "".join(_ROUTE.format(number=number, path=path, upstream=upstream_port) for number, path in enumerate(paths))
    config.write_text(
        _CONFIG.format(
            port=port, admin=free_port(), folder=folder, routes=text, access_log="true" if access_log else "false"
        )
    )
    directory_command("migrate", "-c", str(config))
    directory_command("load", "-c", str(config), str(ROOT / "gateway/demo/records.yaml"))
    command = [sys.executable, "-m", "gateway", "serve", "-c", str(config)]
    with running(name, command, port, {"X-Api-Key": _KEY}) as found:
        yield found


def directory_command(*arguments: str) -> None:
    """Run `gateway directory` and let it fail the bench."""
    subprocess.run(
        [sys.executable, "-m", "gateway", "directory", *arguments],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
