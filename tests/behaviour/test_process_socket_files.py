"""Processes at a socket file: shared by workers, kept by reloads and renewed workers, removed at the end, replaced."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.commands import gateway as command
from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.gateways.running import Running, load, running, until, written
from tests.support.repository import ROOT
from tests.support.servers.recording_upstream import recording_upstream


def at_socket_files(folder: Path, upstream_port: int, listen: str = "") -> Path:
    """Write a config of a gateway that listens at socket files in `folder`."""
    path = written(folder, upstream_port, listen=listen)
    places = f'public: ["unix:{folder}/public", "127.0.0.1:0"], admin: "unix:{folder}/admin"'
    path.write_text(path.read_text().replace('public: "127.0.0.1:0", admin: "127.0.0.1:0"', places))
    return path


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="public")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@contextlib.asynccontextmanager
async def activated(config: Path, held: socket.socket) -> AsyncIterator[None]:
    """Start a gateway as systemd does: the socket at descriptor 3, and the process's own id in the environment."""
    command = ("-m", "gateway", "serve", "-c", str(config))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HAND_OVER, str(held.fileno()), *command),
        pass_fds=[held.fileno()],
        stdout=DEVNULL,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    try:
        yield
        process.terminate()
        assert await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def answered(client: RawClient) -> int:
    await client.send(b"GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n")
    return (await client.response()).status


async def renewed(gateway: Running) -> None:
    """Replace every worker."""
    before = gateway.workers()
    gateway.process.send_signal(signal.SIGUSR2)

    async def are_others() -> bool:
        return not set(gateway.workers()) & set(before)

    await until(are_others)
    await gateway.until_ready()


async def test_workers_share_a_socket_file_that_outlives_them(tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        config = at_socket_files(tmp_path, upstream.port, ", workers: 2")
        async with running(config) as gateway:
            assert gateway.port == f"unix:{tmp_path}/public"
            serving = await gateway.event("serving")
            assert serving["addresses"][0] == gateway.port
            async with load(gateway.port) as asked:
                await renewed(gateway)
                await asked.further(20)
                assert (await gateway.reload())["outcome"] == "done"
                await asked.further(20)
            assert (asked.lost, set(asked.statuses)) == ([], {200})
            revoked = await asyncio.to_thread(command, "revoke", "-c", config, "--session", "session_1")
            assert (revoked.returncode, revoked.stdout) == (0, "session session_1 is ended everywhere\n")
    assert not list(tmp_path.glob("public")) + list(tmp_path.glob("admin"))


async def test_a_killed_gateways_file_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        config = at_socket_files(tmp_path, upstream.port)
        async with running(config) as gateway:
            gateway.process.kill()
            await gateway.exited()
        assert (tmp_path / "public").is_socket()
        async with running(config) as gateway:
            second = await asyncio.to_thread(command, "serve", "-c", config)
            assert second.returncode == 1
            assert second.stderr == f"gateway: cannot listen at unix:{tmp_path}/public: another process listens there\n"
            assert (await gateway.ask()).status == 200


async def test_connections_wait_at_systemds_socket_while_there_is_no_gateway(tmp_path: Path) -> None:
    """As `systemctl restart` does with a socket unit, which holds the socket all the time."""
    async with recording_upstream() as upstream:
        config = written(tmp_path, upstream.port, listen=", workers: 2")
        config.write_text(config.read_text().replace('public: "127.0.0.1:0"', "public: systemd:public"))
        with socket.create_server(("127.0.0.1", 0), backlog=16) as held:
            port = held.getsockname()[1]
            async with activated(config, held), raw_client(port) as client:
                assert await answered(client) == 200
            async with raw_client(port) as waiting, activated(config, held):
                assert await answered(waiting) == 200


async def test_a_proxy_at_a_socket_file_may_send_its_header_in_pieces(tmp_path: Path) -> None:
    async with recording_upstream() as upstream:
        config = at_socket_files(tmp_path, upstream.port, ", proxy_protocol: true")
        config.write_text(config.read_text() + "trusted_proxies: [unix]\n")
        async with running(config) as gateway, raw_client(gateway.port) as client:
            for piece in (
                b"PROXY TCP4 192.0.2.9 192.0.",
                b"2.1 1 80\r",
                b"\nGET /public/ HTTP/1.1\r\n",
                b"Host: h\r\n\r\n",
            ):
                await client.send(piece)
                await asyncio.sleep(0.01)  # so that they are pieces to the gateway as well
            assert (await client.response()).status == 200
        assert upstream.requests[0].all(b"x-forwarded-for") == [b"192.0.2.9"]
