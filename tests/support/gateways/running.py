"""`gateway serve` in processes of its own, and clients that count what they lose while it changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.raw_http import PATIENCE, RawClient, RawResponse, exchange, raw_client
from tests.support.repository import ROOT

SECRET = "0123456789abcdef0123456789abcdef"
ADMIN_TOKEN = "the-admin-token"

Line = dict[str, Any]


def written(folder: Path, upstream_port: int, *, listen: str = "", more: str = "", status: str = "public") -> Path:
    """Write a config with one public route, `/public/`, and an empty one for each status to tell configs apart by."""
    path = folder / "gateway.yaml"
    path.write_text(
        f"""\
listen: {{public: "127.0.0.1:0", admin: "127.0.0.1:0", admin_token: {ADMIN_TOKEN}, drain: 10s, watch: 0s{listen}}}
secret: {SECRET}
routes:
  - {{name: {status}, match: {{path: /public/}}, access: public, upstream: "http://127.0.0.1:{upstream_port}"}}
{more}""",
        encoding="utf-8",
    )
    return path


class Running:
    """A gateway that serves. `lines` are all that it has logged so far."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[Line] = []
        self.port: int | str = 0
        self.admin_port: int | str = 0
        self.may_read = asyncio.Event()
        self.may_read.set()
        self._came = asyncio.Condition()

    async def read(self) -> None:
        """Take log lines until there are no more, none while we may not."""
        assert self.process.stdout is not None
        while await self.may_read.wait() and (text := await self.process.stdout.readline()):
            async with self._came:
                self.lines.append(json.loads(text))
                self._came.notify_all()
        async with self._came:
            self.lines.append({"event": "the end of the log"})
            self._came.notify_all()

    async def line(self, matches: Callable[[Line], bool], after: int = 0) -> Line:
        """Return the first line from the place `after` on that matches, once it is there."""

        def found() -> Line | None:
            return next((line for line in self.lines[after:] if matches(line)), None)

        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: found() is not None or self._is_over)
        line = found()
        assert line is not None, self.lines
        return line

    async def event(self, name: str, after: int = 0) -> Line:
        return await self.line(lambda line: line.get("event") == name, after)

    async def reload(self) -> Line:
        """Send SIGHUP; return the audit line that says what became of it."""
        after = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return await self.event("config_reloaded", after)

    async def ask(self, path: str = "/public/", *fields: str) -> RawResponse:
        lines = "".join(f"{field}\r\n" for field in fields)
        return await exchange(self.port, f"GET {path} HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())

    async def admin(self, path: str, body: bytes = b"") -> RawResponse:
        """Ask the admin port; with a body, POST it as an administrator."""
        head = f"POST {path}" if body else f"GET {path}"
        fields = f"Authorization: Bearer {ADMIN_TOKEN}\r\nContent-Length: {len(body)}\r\n"
        return await exchange(self.admin_port, f"{head} HTTP/1.1\r\nHost: h\r\n{fields}\r\n".encode() + body)

    async def until_ready(self, status: int = 200) -> None:
        """Ask until every worker serves, or (503) until they are no longer ready."""

        async def answers() -> bool:
            return (await self.admin("/readyz")).status == status

        await until(answers)

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of that name with those labels."""
        told = (await self.admin("/metrics")).body.decode()
        samples = [one for family in text_string_to_metric_families(told) for one in family.samples]
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    def fork_server(self) -> int:
        """Return the id of the process that forks workers."""
        (pid,) = _children(self.process.pid)
        return pid

    def workers(self) -> list[int]:
        """Return the ids of the worker processes: the children of the one that forks them."""
        return [pid for fork_server in _children(self.process.pid) for pid in _children(fork_server)]

    async def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.exited()

    async def exited(self) -> int:
        """Return the exit code, once there is one; `Process.wait` would wait for a reader of what it wrote last."""

        async def has_exited() -> bool:
            return self.process.returncode is not None

        await until(has_exited)
        assert self.process.returncode is not None
        return self.process.returncode

    @property
    def _is_over(self) -> bool:
        return bool(self.lines) and self.lines[-1] == {"event": "the end of the log"}


@contextlib.asynccontextmanager
async def running(
    config: Path, environment: Mapping[str, str] | None = None, complaint: str = ""
) -> AsyncIterator[Running]:
    """Run `gateway serve` until the end; whoever did not end it sees it end with 0, and it never complains.

    But for the `complaint` that is expected.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "-c", str(config)),
        cwd=ROOT,
        env={**ENVIRONMENT, **(environment or {})},
        stdout=PIPE,
        stderr=PIPE,
    )
    gateway = Running(process)
    reading = asyncio.create_task(gateway.read())  # noqa: TID251 - held here, and awaited
    try:
        told = await gateway.event("serving")
        gateway.port, gateway.admin_port = told["public"], told["admin"]
        yield gateway
        if process.returncode is None:
            assert await gateway.stop() == 0
        assert process.stderr is not None
        text = (await process.stderr.read()).decode("utf-8", "replace")
        assert text == complaint, text
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        gateway.may_read.set()
        await reading


_IDLE = 0.9
"""Seconds without a request after which a leaving gateway may have closed a connection: it waits for 1.0."""


class Load:
    """What clients got: statuses by count, and why requests were lost."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.lost: list[str] = []
        self._enough = asyncio.Condition()

    async def further(self, count: int) -> None:
        """Return when as many more requests were answered."""
        goal = self.statuses.total() + count
        async with asyncio.timeout(PATIENCE), self._enough:
            await self._enough.wait_for(lambda: self.statuses.total() >= goal or bool(self.lost))

    async def client(self, port: int | str, *, keep_alive: bool) -> None:
        """Ask again and again, on one connection for as long as the gateway keeps it, or on one for each request."""
        fields = b"" if keep_alive else b"Connection: close\r\n"
        while True:
            try:
                async with raw_client(port) as client:
                    await self._ask(client, b"GET /public/ HTTP/1.1\r\nHost: h\r\n" + fields + b"\r\n")
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.lost.append(repr(error))
                return

    async def _ask(self, client: RawClient, request: bytes) -> None:
        """Ask until the gateway closes: with an answer that says so, or because this busy machine let us idle."""
        clock = asyncio.get_running_loop().time
        sent = before = clock()
        while True:
            try:
                await client.send(request)
                response = await client.response()
            except (ConnectionError, asyncio.IncompleteReadError):
                if sent - before < _IDLE:
                    raise
                return
            async with self._enough:
                self.statuses[response.status] += 1
                self._enough.notify_all()
            if response.one(b"connection") == b"close":
                return
            before, sent = sent, clock()


@contextlib.asynccontextmanager
async def load(port: int | str, clients: int = 4) -> AsyncIterator[Load]:
    """Keep that many clients of each sort busy until the end."""
    made = Load()
    asking = [
        asyncio.create_task(made.client(port, keep_alive=keep_alive))  # noqa: TID251 - held here, and awaited
        for keep_alive in (True, False)
        for _ in range(clients)
    ]
    try:
        yield made
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until it holds: for what another process does and does not announce."""
    async with asyncio.timeout(2 * PATIENCE):
        while not await holds():  # noqa: ASYNC110 - there is no event of ours in another process
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent to ask does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
