"""Two whole gateways that share each kind of Redis: a look-up serves both, and a revocation at one ends it at both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.clients.raw_http import exchange
from tests.support.gateways.serving import ADMIN_TOKEN, BEARER_SESSION, Examples, Gateway, config, serving
from tests.support.servers import redis_server
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import recording_upstream
from tests.support.servers.redis_server import RedisServer

PATIENCE = 30.0
Pair = tuple[Gateway, Gateway]


@contextlib.contextmanager
def speaking_tls(path: Path, folder: Path) -> Iterator[str]:
    """Start a server that is reached over TLS; its URL names who vouches for it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    port = free_port()
    named = ("--tls-cert-file", str(folder / "server.pem"), "--tls-key-file", str(folder / "server.pem"))
    options = ("--tls-port", str(port), *named, "--tls-auth-clients", "no")
    with redis_server.running(path, *options):
        yield f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={folder / 'authority.pem'}"


@contextlib.contextmanager
def failing_over(path: Path, folder: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Start a master, a replica and a sentinel that knows both; hand out the master and the sentinel."""
    at_once = ("--repl-diskless-sync-delay", "0")  # do not wait 5 s for a second replica
    with redis_server.running(path, *at_once) as master, redis_server.running(path) as replica:
        redis_server.command(replica.port, f"REPLICAOF {master.host} {master.port}")
        while b"master_link_status:up" not in redis_server.command(replica.port, "INFO replication"):
            time.sleep(0.01)  # a process cannot be awaited; it is asked again until it is ready
        with redis_server.running_sentinel(path, master, folder) as sentinel:
            redis_server.command(sentinel.port, "SENTINEL SET mymaster down-after-milliseconds 300")
            while str(replica.port).encode() not in redis_server.command(sentinel.port, "SENTINEL REPLICAS mymaster"):
                time.sleep(0.01)  # as above
            yield master, sentinel


@pytest.fixture(params=[*redis_server.programs(), "cluster", "sentinel", "tls"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a shared tier of each kind."""
    program = redis_server.program()
    with contextlib.ExitStack() as stack:
        match request.param:
            case "cluster":
                yield stack.enter_context(redis_server.running_cluster(program, tmp_path, nodes=3)).url
            case "sentinel":
                yield stack.enter_context(failing_over(program, tmp_path))[1].url
            case "tls":
                debians = shutil.which("redis-server")
                if debians is None:
                    pytest.fail("no redis-server that speaks TLS: apt-get install redis-server", pytrace=False)
                yield stack.enter_context(speaking_tls(Path(debians), tmp_path))
            case name:
                yield stack.enter_context(redis_server.running(redis_server.programs()[name])).url


@contextlib.asynccontextmanager
async def two_gateways(url: str, examples: Examples, folder: Path) -> AsyncIterator[Pair]:
    """Run two gateways of one config."""
    places = [folder / name for name in ("one", "other")]
    for place in places:
        place.mkdir()
    async with recording_upstream() as upstream:
        shared = {
            "url": url,
            "timeout": "2s",
        }  # longer than the default: the machine is busy, and time is not the matter
        whole = config(upstream.port, examples.settings(folder), redis=shared)
        async with serving(whole, places[0]) as one, serving(whole, places[1]) as other:
            other.bearer = one.bearer
            yield one, other


async def status(gateway: Gateway) -> int:
    lines = f"Host: gateway.test\r\nConnection: close\r\nAuthorization: Bearer {gateway.bearer}"
    return (await exchange(gateway.port, f"GET /echo/ HTTP/1.1\r\n{lines}\r\n\r\n".encode())).status


async def revoke(gateway: Gateway, session_id: str) -> int:
    body = json.dumps({"session": session_id})
    lines = f"Host: g\r\nConnection: close\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\nContent-Length: {len(body)}"
    request = f"POST /revoke HTTP/1.1\r\n{lines}\r\n\r\n{body}"
    return (await exchange(gateway.admin_port, request.encode())).status


async def until(expected: int, ask: Callable[[], Awaitable[int]]) -> None:
    """Ask until the answer is the expected one."""
    async with asyncio.timeout(PATIENCE):
        while await ask() != expected:
            pass  # each round is a request of its own


def tiers(gateway: Gateway) -> list[str]:
    lines = [json.loads(line) for line in gateway.log().splitlines()]
    return [line["tier"] for line in lines if "tier" in line]


async def test_one_look_up_serves_both_and_one_revocation_ends_it_for_both(
    url: str, examples: Examples, tmp_path: Path
) -> None:
    async with two_gateways(url, examples, tmp_path) as (one, other):
        assert (await status(one), await status(other)) == (200, 200)
        assert (tiers(one), tiers(other)) == (["authority"], ["redis"])
        assert await revoke(one, BEARER_SESSION) == 200
        assert await status(one) == 401
        await until(401, lambda: status(other))


async def test_a_failover_costs_nobody_an_answer_and_no_revocation_its_effect(
    examples: Examples, tmp_path: Path
) -> None:
    with failing_over(redis_server.program(), tmp_path) as (master, sentinel):
        async with two_gateways(sentinel.url, examples, tmp_path) as (one, other):
            assert (await status(one), await status(other)) == (200, 200)
            await asyncio.to_thread(master.stop)
            assert (await status(one), await status(other)) == (200, 200)
            await until(200, lambda: revoke(one, BEARER_SESSION))
            assert await status(one) == 401
            await until(401, lambda: status(other))
