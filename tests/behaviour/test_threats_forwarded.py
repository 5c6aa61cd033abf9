"""docs/THREATS.md section 3: forwarded headers are believed from nobody by default, and from nobody by accident."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.variants import field_names
from tests.support.gateways.attacks import Victim, get, victim
from tests.support.gateways.serving import Examples

FORWARDED = (
    b"Forwarded",
    b"X-Forwarded-For",
    b"X-Forwarded-Host",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Port",
    b"X-Forwarded-Scheme",
    b"X-Forwarded-Ssl",
    b"X-Forwarded-Server",
    b"X-Forwarded-Prefix",
    b"X-Forwarded-Uri",
    b"X-Forwarded-Method",
    b"X-Forwarded-Path",
    b"X-Forwarded-User",
    b"X-Forwarded-Email",
    b"X-Forwarded-Groups",
    b"X-Forwarded-Access-Token",
    b"X-Forwarded-Client-Cert",
    b"X-Forwarded",
    b"X-Real-IP",
    b"X-Client-IP",
    b"X-Cluster-Client-IP",
    b"X-Original-URL",
    b"X-Original-URI",
    b"X-Original-Method",
    b"X-Original-Host",
    b"X-Original-Forwarded-For",
    b"X-Original-Remote-Addr",
    b"X-Rewrite-URL",
    b"X-Scheme",
    b"X-Request-Id",
    b"X-Envoy-External-Address",
    b"X-Envoy-Original-Path",
    b"X-Envoy-Internal",
    b"X-Envoy-Peer-Metadata",
    b"True-Client-IP",
    b"CF-Connecting-IP",
    b"Fastly-Client-IP",
    b"Client-IP",
    b"X-Remote-Addr",
    b"X-HTTP-Method-Override",
    b"X-HTTP-Method",
    b"X-Method-Override",
    b"X-HTTP-Host-Override",
    b"Front-End-Https",
    b"X-Url-Scheme",
    b"X-Sendfile-Type",
    b"X-Accel-Mapping",
    b"Proxy",
    b"Script-Name",
    b"Path-Info",
    b"Request-URI",
    b"X-Script-Name",
    b"X-Request-URI",
    b"X-Replaced-Path",
    b"X-MS-Original-Url",
    b"X-Matched-Path",
    b"X-Middleware-Subrequest",
    b"X-ARR-SSL",
    b"CF-Visitor",
    b"Forwarded-For",
    b"Remote-Addr",
    b"X-True-Client-IP",
    b"CloudFront-Viewer-Address",
    b"X-Vercel-Forwarded-For",
    b"WL-Proxy-Client-IP",
    b"WL-Proxy-Client-Cert",
    b"$WSRU",
    b"$WSRA",
)
OWN = {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id"}


async def test_a_server_is_not_told_that_a_part_of_the_path_is_its_own(attacked: Victim) -> None:
    """gunicorn would serve this one as `/admin`, and so would have served what nobody judged."""
    seen = await attacked.attack(get(b"/public/admin", b"SCRIPT_NAME: /public", b"PATH_INFO: /admin"))
    assert seen.targets == (b"/public/admin",)
    assert b"SCRIPT_NAME" not in seen.received[0].raw
    assert b"PATH_INFO" not in seen.received[0].raw


@pytest.mark.parametrize("name", FORWARDED)
async def test_what_a_stranger_says_of_its_way_here_never_arrives(attacked: Victim, name: bytes) -> None:
    fields = [spelled + b": 192.0.2.66" for spelled in dict.fromkeys(field_names(name))]
    for start in range(0, len(fields), 100):
        seen = await attacked.attack(get(b"/public/", *fields[start : start + 100]))
        assert seen.statuses == (200,)
        (received,) = seen.received
        assert b"192.0.2.66" not in received.raw
        assert {key: len(received.all(key)) for key in OWN} == dict.fromkeys(OWN, 1)
        assert received.all(b"x-forwarded-for") == [b"127.0.0.1"]
        assert received.all(b"x-forwarded-proto") == [b"http"]
        assert received.all(b"x-forwarded-host") == [b"gateway.test"]


async def test_a_stranger_chooses_neither_the_host_nor_the_client_that_is_judged(
    examples: Examples, tmp_path: Path
) -> None:
    def routes(upstream: str) -> list[dict[str, Any]]:
        return [
            {"name": "a", "match": {"host": "inside.test", "path": "/"}, "access": "public", "upstream": upstream},
            {"name": "b", "match": {"path": "/"}, "upstream": upstream},
        ]

    async with victim(examples, tmp_path, routes=routes) as running:
        said = (b"X-Forwarded-Host: inside.test", b"Forwarded: host=inside.test", b"X-Original-URL: /public/")
        said += (b"X-Host: inside.test", b"X-Forwarded-For: 127.0.0.1", b"X-Rewrite-URL: /")
        assert await running.misjudged([get(b"/", *said)], (401,)) == []
        line = json.loads(running.gateway.log().splitlines()[0])
        assert (line["client"], line["host"]) == ("127.0.0.1", "gateway.test")


def by_host(upstream: str) -> list[dict[str, Any]]:
    return [
        {"name": "www", "match": {"host": "www.test", "path": "/"}, "access": "public", "upstream": upstream},
        {"name": "admin", "match": {"host": "admin.test", "path": "/"}, "upstream": upstream},
        {"name": "own", "match": {"host": "own.test", "path": "/"}, "access": "public", "upstream": upstream}
        | {"preserve_host": False},
    ]


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ((b"X-Forwarded-Host: www.test",), b"www.test"),
        ((b"X-Forwarded-Host: WWW.Test.:80",), b"WWW.Test.:80"),
        ((b"X-Forwarded-Host: www.test:8080",), b"www.test:8080"),
        ((b"X-Forwarded-Host: admin.test, www.test",), b"www.test"),
        ((b"X-Forwarded-Host: admin.test", b"X-Forwarded-Host: www.test"), b"www.test"),
        ((b"X-Forwarded-Host: www.test:443", b"X-Forwarded-Proto: https"), b"www.test:443"),
        ((b"X-Forwarded-Host: www.test", b"Forwarded: host=admin.test"), b"www.test"),
    ],
)
async def test_the_host_that_was_judged_is_the_one_that_is_sent(
    examples: Examples, tmp_path: Path, told: tuple[bytes, ...], sent: bytes
) -> None:
    """Behind a trusted proxy that keeps its client's X-Forwarded-Host."""
    async with victim(examples, tmp_path, routes=by_host, trusted_proxies=["127.0.0.0/8"]) as running:
        raw = b"\r\n".join((b"GET / HTTP/1.1", b"Host: admin.test", b"Connection: close", *told, b"", b""))
        seen = await running.attack(raw)
        assert seen.statuses == (200,)
        assert seen.received[0].all(b"host") == [sent]
        assert seen.received[0].all(b"x-forwarded-host") == [sent]
        turned = raw.replace(b"www", b"x").replace(b"WWW", b"x").replace(b"admin", b"www").replace(b"x.", b"admin.")
        assert await running.misjudged([turned], (401,)) == []


async def test_an_upstream_that_wants_its_own_host_gets_no_other(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, routes=by_host, trusted_proxies=["127.0.0.0/8"]) as running:
        seen = await running.attack(get(b"/", b"X-Forwarded-Host: own.test"))
        assert seen.received[0].all(b"host") == [b"127.0.0.1:%d" % running.upstream.port]
        assert seen.received[0].all(b"x-forwarded-host") == [b"own.test"]


UNPARSABLE = (
    b"",
    b":::",
    b",",
    b",,,,",
    b"unknown",
    b"_hidden",
    b"127.0.0.1:80",
    b"[::1]:80",
    b"[::1",
    b"::ffff:127.0.0.1",
    b"127.0.0.1, ",
    b"1.2.3.4.5",
    b"999.0.0.1",
    b"0x7f.1",
    b"127.1",
    b"010.0.0.1",
    b"fe80::1%eth0",
    b"fe80::1%" + b"\xff" * 20,
    b"::%",
    b'for="[::1]"',
    b"<script>",
    b"\xc3\xa9",
    b"\xff\xfe",
    b"127.0.0.1;secret",
    b"1" * 5000,
    b"127.0.0.1," * 300,
    b"10.0.0.1\t,\t10.0.0.2",
)


async def test_no_value_of_a_trusted_proxy_is_a_fault(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, trusted_proxies=["127.0.0.0/8", "::1"]) as running:
        for value in UNPARSABLE:
            fields = (b"X-Forwarded-For: " + value, b"X-Forwarded-Proto: " + value, b"X-Request-Id: " + value)
            seen = await running.attack(get(b"/public/", *fields, b"Forwarded: " + value, b"traceparent: " + value))
            assert seen.statuses == (200,), value
            assert seen.received[0].all(b"x-forwarded-proto") == [b"http"]
            assert len(seen.received[0].all(b"x-request-id")) == 1
        clients = {json.loads(line)["client"] for line in running.gateway.log().splitlines()}
        assert b"raceback" not in running.gateway.log()
    assert clients == {"127.0.0.1", "10.0.0.2", "::1"}


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (b"192.0.2.1", "192.0.2.1"),
        (b"6.6.6.6, 192.0.2.1", "192.0.2.1"),
        (b"6.6.6.6, 192.0.2.1, 127.0.0.2", "192.0.2.1"),
        (b"6.6.6.6, garbage, 127.0.0.2", "127.0.0.2"),
        (b"127.0.0.3, 127.0.0.2", "127.0.0.3"),
        (b"6.6.6.6, 10.0.0.1", "10.0.0.1"),
        (b"6.6.6.6, ::ffff:192.0.2.1", "192.0.2.1"),
        (b"6.6.6.6\r\nX-Forwarded-For: 192.0.2.1", "192.0.2.1"),
        (b"192.0.2.1,", "127.0.0.1"),
        (b"192.0.2.1, fe80::1%eth0", "127.0.0.1"),
        (b"203.0.113.7:5000", "203.0.113.7"),
        (b"6.6.6.6, 203.0.113.7:5000, 127.0.0.2:80", "203.0.113.7"),
        (b"[2001:db8::1]:443", "2001:db8::1"),
        (b"[2001:db8::1]", "2001:db8::1"),
        (b"2001:db8::1:443", "2001:db8::1:443"),
        (b"[::ffff:192.0.2.1]:5000", "192.0.2.1"),
        *(
            (value, "127.0.0.1")
            for value in (
                *(b"203.0.113.7:", b"203.0.113.7:65536", b"203.0.113.7:5000:1", b"203.0.113.7:+5", b"203.0.113.7 :5"),
                *(b":5000", b"203.0.113.7:5000x", b"[2001:db8::1]443", b"[2001:db8::1:443", b"2001:db8::1]:443"),
                *(b"[fe80::1%eth0]:443", b"203.0.113.007:5000", b"[]:443", b"host:5000", b"203.0.113.7:\xb2"),
            )
        ),
    ],
)
async def test_the_chain_is_read_from_the_right_and_a_private_address_is_not_trust(
    examples: Examples, tmp_path: Path, chain: bytes, client: str
) -> None:
    async with victim(examples, tmp_path, trusted_proxies=["127.0.0.0/8"]) as running:
        await running.attack(get(b"/public/", b"X-Forwarded-For: " + chain))
        line = json.loads(running.gateway.log().splitlines()[0])
    assert line["client"] == client


@pytest.mark.parametrize("host", [b"a@b", b"a, b@c", b"a b", b"[", b"a:x", b"\xc3\xa9", b"a/b"])
async def test_a_host_that_a_trusted_proxy_garbles_is_refused(examples: Examples, tmp_path: Path, host: bytes) -> None:
    async with victim(examples, tmp_path, trusted_proxies=["127.0.0.0/8"]) as running:
        assert await running.misjudged([get(b"/public/", b"X-Forwarded-Host: " + host)], (400,)) == []
