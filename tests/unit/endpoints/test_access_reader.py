from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.networks import IpNetwork
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import AccessRequest, Response
from gateway.model.errors import MalformedError
from tests.support.clients.raw_http import exchange
from tests.support.servers.fronts import front

Seen = list[AccessRequest | MalformedError]
LOOPBACK = (ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def reading(
    trusted: tuple[IpNetwork, ...] = (), target_bytes: int = 8192
) -> AsyncIterator[Callable[[bytes], object]]:
    """A server that only reads; yields a function from raw request bytes to what was read."""
    reader = AccessReader(trusted, target_bytes, lambda: 12.5)
    seen: Seen = []

    async def handle(request: DownstreamRequest) -> Response:
        try:
            seen.append(reader.read(request, request.head.block.headers, "req-1"))
        except MalformedError as refused:
            seen.append(refused)
        return Response(200)

    async with front(handle) as port:

        async def ask(raw: bytes) -> AccessRequest | MalformedError:
            await exchange(port, raw)
            return seen[-1]

        yield ask


def get(*lines: bytes, target: bytes = b"/") -> bytes:
    return (
        b"GET " + target + b" HTTP/1.1\r\nConnection: close\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    )


async def test_a_request_is_read_as_it_came() -> None:
    async with reading() as ask:
        access = await ask(get(b"Host: API.example.com:80", b"X-A: adm\xffin", target=b"/%61/b%2fc?x=%2e"))
    assert access.host.name == "api.example.com"
    assert access.host.port == 80
    assert str(access.target) == "/a/b%2fc?x=%2e"
    assert list(access.headers.all(b"x-a")) == [b"adm\xffin"]
    assert (access.peer, access.client, access.scheme, access.received_at) == ("127.0.0.1", "127.0.0.1", "http", 12.5)


@pytest.mark.parametrize(("method", "status"), [(b"TRACE", 405), (b"Propfind", 501), (b"get", 501)])
async def test_methods_that_are_not_carried_are_refused(method: bytes, status: int) -> None:
    async with reading() as ask:
        refused = await ask(get(b"Host: a").replace(b"GET", method, 1))
    assert refused.refusal.status == status


async def test_a_target_that_is_too_long_is_414() -> None:
    async with reading(target_bytes=100) as ask:
        assert (await ask(get(b"Host: a", target=b"/" + b"a" * 100))).refusal.status == 414
        assert isinstance(await ask(get(b"Host: a", target=b"/" + b"a" * 99)), AccessRequest)


async def test_forwarded_headers_of_a_stranger_are_not_believed() -> None:
    lines = (
        b"Host: real.example",
        b"X-Forwarded-For: 203.0.113.9",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: forged.example",
    )
    async with reading(trusted=(ip_network("10.0.0.0/8"),)) as ask:
        access = await ask(get(*lines))
    assert (access.client, access.scheme, access.host.name) == ("127.0.0.1", "http", "real.example")


async def test_a_trusted_proxy_is_believed_from_the_right() -> None:
    lines = (
        b"Host: internal:8080",
        b"X-Forwarded-For: 6.6.6.6, 203.0.113.9",
        b"X-Forwarded-For: 127.0.0.2",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: App.Example.com",
    )
    async with reading(trusted=LOOPBACK) as ask:
        access = await ask(get(*lines))
    assert (access.client, access.scheme, access.host.name) == ("203.0.113.9", "https", "app.example.com")
    assert access.host.port == 443
    assert access.authority == "App.Example.com"


@pytest.mark.parametrize(
    "chain", [b":::", b"", b",", b"unknown", b"1.2.3.4, :::", b"fe80::1%eth0", b"\xff", b"a" * 7000]
)
async def test_a_chain_that_cannot_be_read_names_the_last_address_that_could(chain: bytes) -> None:
    async with reading(trusted=LOOPBACK) as ask:
        access = await ask(get(b"Host: a", b"X-Forwarded-For: " + chain))
    assert access.client == "127.0.0.1"


async def test_a_trusted_proxys_broken_host_is_refused() -> None:
    async with reading(trusted=LOOPBACK) as ask:
        refused = await ask(get(b"Host: a", b"X-Forwarded-Host: a@b"))
    assert refused.refusal.status == 400
