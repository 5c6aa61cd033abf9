"""A real PostgreSQL for tests: a cluster of its own on loopback, thrown away at the end.

    python -m tests.support.servers.postgres_server COMMAND...

runs a command with GATEWAY_TEST_POSTGRES_URL naming an empty database of such a cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import trustme

from tests.support.servers.ports import free_port

REMEDY = "no PostgreSQL: run tests/e2e/run, which gets one, or name its programs' folder in GATEWAY_TEST_POSTGRES_BIN"
PASSWORD = "a-password-of-the-tests"

_START_SECONDS = 30.0
_OWNER, _ROLE = "owner", "gateway"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "20",
    "fsync": "off",  # nothing here outlives the machine
    "full_page_writes": "off",
    "ssl": "on",  # for whoever asks for it: `server.crt` and `server.key` beside the data
}


class PostgresServer:
    """One cluster. `stop` and `start` it as a database goes away and comes back: on the same port, with its data."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        self.authority = folder / "authority.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = free_port()
        self._make(folder)

    def url(self, database: str, password: str = PASSWORD) -> str:
        """Return the URL of a database for the gateway's role, which owns it and nothing else."""
        return f"postgresql://{_ROLE}:{password}@127.0.0.1:{self.port}/{database}"

    async def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"d{self._databases}"
        await self.execute(f"CREATE DATABASE {name} OWNER {_ROLE}")
        return self.url(name)

    async def execute(self, statement: str) -> None:
        """Run a statement as the owner of the cluster."""
        connection = await asyncpg.connect(self._owners_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def start(self) -> None:
        """Start, and come back when connections are taken."""
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=_account(),
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self._log.read_text()}")
            time.sleep(0.01)  # a process cannot be awaited; it is asked again until it is ready

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Be gone for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def stop(self) -> None:
        """Stop at once, as a machine that is taken away: every connection is cut (`fast` shutdown)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_SECONDS)
            self._process = None

    @property
    def _owners_url(self) -> str:
        return f"postgresql://{_OWNER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def _make(self, folder: Path) -> None:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        account = _account()
        if account is not None:
            for path in (folder, secret):
                shutil.chown(path, account)
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self._data, "-U", _OWNER, "--pwfile", secret),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=account,
        )
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        self._certify(authority.issue_cert("127.0.0.1"), account)

    def _certify(self, certificate: trustme.LeafCert, account: str | None) -> None:
        key = self._data / "server.key"
        key.touch(0o600)  # PostgreSQL takes no key that others may read
        certificate.private_key_pem.write_to_path(key)
        chain = self._data / "server.crt"
        certificate.cert_chain_pems[0].write_to_path(chain)
        if account is not None:
            for path in (key, chain):
                shutil.chown(path, account)

    def _is_ready(self) -> bool:
        """Tell whether the eighth line of the server's own file says so, as `pg_ctl` does."""
        with contextlib.suppress(OSError, IndexError):
            return (self._data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False


def programs() -> Path:
    """Return the folder of `postgres` and `initdb`; raises RuntimeError with the remedy."""
    named = os.environ.get("GATEWAY_TEST_POSTGRES_BIN")
    candidates = [Path(named)] if named else []
    if (on_path := shutil.which("postgres")) is not None:
        candidates.append(Path(on_path).resolve().parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError(REMEDY)


@contextlib.contextmanager
def running() -> Iterator[PostgresServer]:
    """Run a cluster until the end."""
    # Not below pytest's own folder: that is closed to the account that the server runs under when tests are root's.
    with tempfile.TemporaryDirectory(prefix="gateway-postgres-") as folder:
        server = PostgresServer(programs(), Path(folder))
        server.start()
        try:
            asyncio.run(server.execute(f"CREATE ROLE {_ROLE} LOGIN CREATEDB PASSWORD '{PASSWORD}'"))
            yield server
        finally:
            server.stop()


def _account() -> str | None:
    """Return the account to run under: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(command: list[str]) -> int:
    with running() as server:
        environment = {**os.environ, "GATEWAY_TEST_POSTGRES_URL": asyncio.run(server.new_database())}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
