"""A real PgBouncer in front of a database, which gives each transaction whichever connection is free."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers.ports import free_port
from tests.support.servers.postgres_server import PASSWORD

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_PATIENCE = 10.0
_CONNECTIONS = 3
"""Connections to the database, fewer than those who ask, so that each meets what another one left there."""


@contextlib.asynccontextmanager
async def pgbouncer(folder: Path, url: str) -> AsyncIterator[str]:
    """Run until the end; yields the URL of the same database behind it."""
    assert _PROGRAM is not None, "no PgBouncer: run tests/e2e/run, which gets one"
    behind, port = urlsplit(url), free_port()
    (folder / "users.txt").write_text(f'"{behind.username}" "{PASSWORD}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"""\
[databases]
* = host={behind.hostname} port={behind.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {_CONNECTIONS}
{"user = nobody" if os.geteuid() == 0 else ""}
"""
    )
    for path in (folder, folder / "users.txt", folder / "pgbouncer.ini"):
        path.chmod(0o755)
    program = await asyncio.create_subprocess_exec(
        *(_PROGRAM, str(folder / "pgbouncer.ini")), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            assert program.stderr is not None
            while b"process up" not in (line := await program.stderr.readline()):
                assert line, "PgBouncer does not start"
        reading = asyncio.create_task(program.stderr.read())  # noqa: TID251 - held here, and awaited
        yield url.replace(f":{behind.port}/", f":{port}/")
    finally:
        if program.returncode is None:
            program.terminate()
        await program.wait()
    await reading
