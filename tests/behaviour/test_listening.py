"""Where the gateway listens: socket files, several addresses, IPv4 at a socket of IPv6; and who its peers then are."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.gateways.serving import ADMIN_TOKEN, Gateway, serving
from tests.support.servers.recording_upstream import recording_upstream

SECRET = "a-secret-of-the-tests-that-is-long-enough"


def config(upstream_port: int, public: object, **sections: Any) -> dict[str, Any]:
    route = {
        "name": "public",
        "match": {"path": "/"},
        "access": "public",
        "upstream": f"http://127.0.0.1:{upstream_port}",
    }
    listen = {"public": public, "admin": "127.0.0.1:0", "admin_token": ADMIN_TOKEN} | sections.pop("listen", {})
    return {"listen": listen, "secret": SECRET, "routes": [route | sections.pop("route", {})], **sections}


GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


async def exchange_at(port: int, host: str, request: bytes) -> RawResponse:
    async with raw_client(port, host) as client:
        await client.send(request)
        return await client.response()


async def get(place: int | str, *fields: str) -> RawResponse:
    lines = "".join(f"{field}\r\n" for field in fields)
    return await exchange(place, f"GET /a HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())


def clients(gateway: Gateway) -> list[str]:
    lines = (json.loads(line) for line in gateway.log().splitlines())
    return [line["client"] for line in lines if line["log"] == "access"]


async def test_a_socket_file_serves_those_who_may_open_it(tmp_path: Path) -> None:
    path, admin, health = tmp_path / "public", tmp_path / "admin", tmp_path / "health"
    listen = {"admin": f"unix:{admin}", "health": f"unix:{health}", "socket_mode": "0666"}
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, f"unix:{path}", listen=listen), tmp_path) as gateway,
    ):
        assert [stat.S_IMODE(each.stat().st_mode) for each in (path, admin, health)] == [0o666] * 3
        assert (await get(f"unix:{path}", "X-Forwarded-For: 192.0.2.9")).status == 200
        for place in (admin, health):
            assert (await exchange(f"unix:{place}", b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")).status == 200
        assert clients(gateway) == ["unix"]
        assert upstream.requests[0].all(b"x-forwarded-for") == [b"unknown"]
    assert not any(each.exists() for each in (path, admin, health))


async def test_a_proxy_at_a_socket_file_is_believed_where_the_config_says_unix(tmp_path: Path) -> None:
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, f"unix:{tmp_path}/s", trusted_proxies=["unix"]), tmp_path) as gateway,
    ):
        assert (await get(f"unix:{tmp_path}/s", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Proto: https")).status == 200
        assert (await get(f"unix:{tmp_path}/s", "X-Forwarded-For: unix")).status == 200
        assert clients(gateway) == ["192.0.2.9", "unix"]
        assert upstream.requests[0].all(b"x-forwarded-for") == [b"192.0.2.9, unknown"]
        assert upstream.requests[0].all(b"x-forwarded-proto") == [b"https"]


async def test_a_rate_limit_by_address_counts_who_is_told_and_else_the_file(tmp_path: Path) -> None:
    limited = {"rate_limit": {"rate": "1/h", "burst": 1, "per": "address"}}
    for trusted, second in (((), 429), (("unix",), 200)):
        settings = config(0, f"unix:{tmp_path}/s", route=limited, trusted_proxies=list(trusted))
        async with recording_upstream() as upstream:
            settings["routes"][0]["upstream"] = f"http://127.0.0.1:{upstream.port}"
            async with serving(settings, tmp_path):
                told = [f"X-Forwarded-For: 192.0.2.{number}" for number in (1, 2, 2)]
                statuses = [(await get(f"unix:{tmp_path}/s", field)).status for field in told]
        assert statuses == [200, second, 429]


async def test_connections_to_a_socket_file_are_no_addresss_share(tmp_path: Path) -> None:
    limits = {"connections_per_address": 1}
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, [f"unix:{tmp_path}/s", "127.0.0.1:0"], limits=limits), tmp_path),
        raw_client(f"unix:{tmp_path}/s") as one,
        raw_client(f"unix:{tmp_path}/s") as two,
    ):
        for client in (one, two):
            await client.send(GET)
            assert (await client.response()).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_ipv6_socket_takes_ipv4_whose_addresses_are_their_own(tmp_path: Path, host: str) -> None:
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, "[::]:0", trusted_proxies=["127.0.0.0/8"]), tmp_path) as gateway,
    ):
        request = b"GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n"
        assert (await exchange_at(gateway.port, host, request)).status == 200
        believed = host == "127.0.0.1"
        assert clients(gateway) == ["192.0.2.9" if believed else "::1"]
        assert upstream.requests[0].all(b"x-forwarded-for") == [b"192.0.2.9, 127.0.0.1" if believed else b"::1"]


async def test_a_list_of_places_is_one_port(tmp_path: Path) -> None:
    places = ["127.0.0.1:0", "[::1]:0", f"unix:{tmp_path}/s"]
    async with recording_upstream() as upstream, serving(config(upstream.port, places), tmp_path) as gateway:
        ports = [int(place.rpartition(":")[2]) for place in gateway.places[:2]]
        assert (await exchange_at(ports[0], "127.0.0.1", GET)).status == 200
        assert (await exchange_at(ports[1], "::1", GET)).status == 200
        assert (await get(gateway.places[2])).status == 200
        assert clients(gateway) == ["127.0.0.1", "::1", "unix"]
